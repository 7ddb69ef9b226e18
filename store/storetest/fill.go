package storetest

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
)

// Full returns a lease with every field set to a value of its own, in every
// nested type too: a field added to the domain is in it without anyone thinking
// of it. It is the same each time, with nothing shared.
func Full(t testing.TB) *sshforward.Lease {
	t.Helper()
	var l sshforward.Lease
	n := 0
	if err := fill(reflect.ValueOf(&l).Elem(), "Lease", &n); err != nil {
		t.Fatal(err)
	}
	l.ID = "fu11fu1"
	return &l
}

// fill sets v, and what it holds, to values that n makes different each time.
func fill(v reflect.Value, path string, n *int) error {
	*n++
	if !v.CanSet() {
		return fmt.Errorf("%s is not exported: it cannot be stored", path)
	}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(start.Add(time.Duration(*n) * 1000_000_001)))
		return nil
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{203, 0, 113, byte(*n)})))
		return nil
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(*n)}), 32)))
		return nil
	}
	switch v.Kind() {
	case reflect.Interface: // what a Text is about
		v.Set(reflect.ValueOf(fmt.Sprintf("%s %d", path, *n)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprintf("%s <&> 木 %d", path, *n))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), path, n)
	case reflect.Struct:
		for i := range v.NumField() {
			if err := fill(v.Field(i), path+"."+v.Type().Field(i).Name, n); err != nil {
				return err
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			if err := fill(v.Index(i), fmt.Sprintf("%s[%d]", path, i), n); err != nil {
				return err
			}
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			if err := fill(key, path+".key", n); err != nil {
				return err
			}
			if err := fill(elem, path+".value", n); err != nil {
				return err
			}
			v.SetMapIndex(key, elem)
		}
	default:
		return fmt.Errorf("%s is a %s: teach storetest how to fill it", path, v.Type())
	}
	return nil
}

// Scramble spoils everything that a copy of the lease could share with it: the
// elements of slices and maps and what pointers point to.
func Scramble(l *sshforward.Lease) { scramble(reflect.ValueOf(l).Elem()) }

func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				scramble(v.Field(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem())
			v.Elem().SetZero()
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Map:
		v.Clear()
	}
}

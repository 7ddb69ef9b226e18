package dynamo

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sshforward/sshforward"
)

// Partitions, and the names of attributes. The package comment has the whole.
const (
	pkLease   = "lease/0"
	pkSource  = "source"
	pkPerson  = "person"
	pkReplica = "member"
	pkMeta    = "meta"
	pkEvent   = "event/" // and the day
	pkLog     = "log/"   // and the stretch of positions
	pkPast    = "past/"  // and the owner

	skRebuilt = "rebuilt/" // and the account, in meta
	skDay     = "day/"     // and a day that has events, in meta
	skStretch = "log/"     // and a stretch of positions, in meta
	skFirst   = "first"    // the first position, in meta
	skStore   = "store"    // the store's id, in meta
	skLoading = "loading"  // there as long as a backup is loaded, in meta

	attrPK, attrSK = "pk", "sk"
	attrRev        = "rev"
	attrDoc        = "doc"
	attrDue        = "due"
	attrAct        = "act"
	attrTell       = "tell"
	attrSeq        = "seq"
	attrID         = "id"
	attrOpen       = "open"
	attrDup        = "dup"
	attrSince      = "since"
	attrWorker     = "w"
	attrBeat       = "beat"

	tailPrefix = "tail:" // and the id of the write
)

// keptWrites is how many write ids an item remembers: in i0 to i7, by revision.
const keptWrites = 8

type item = map[string]types.AttributeValue

func key(pk, sk string) item { return item{attrPK: text(pk), attrSK: text(sk)} }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func blob(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }
func number(n uint64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatUint(n, 10)}
}

func textOf(it item, name string) string {
	s, _ := it[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func blobOf(it item, name string) []byte {
	b, _ := it[name].(*types.AttributeValueMemberB)
	if b == nil {
		return nil
	}
	return b.Value
}

func numberOf(it item, name string) (uint64, error) {
	n, _ := it[name].(*types.AttributeValueMemberN)
	if n == nil {
		return 0, fmt.Errorf("%w: item %s/%s has no number %s", errDamaged, textOf(it, attrPK), textOf(it, attrSK), name)
	}
	v, err := strconv.ParseUint(n.Value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: item %s/%s: %w", errDamaged, textOf(it, attrPK), textOf(it, attrSK), err)
	}
	return v, nil
}

func slot(revision uint64) string { return "i" + strconv.FormatUint(revision%keptWrites, 10) }

// sortable writes a time so that texts sort as the times do, and people can read
// it. Years that four digits cannot express are moved to the nearest that can.
func sortable(t time.Time) string {
	switch t = t.UTC(); {
	case t.Year() < 0:
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	case t.Year() > 9999:
		t = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	}
	return t.Format("2006-01-02T15:04:05.000000000Z")
}

// dayOf is the day of a sortable time.
func dayOf(at string) string { return at[:len("2006-01-02")] }

// An item has at most 400 KB. What is larger than a lease or an event ever was
// is compressed; what people look at in a console stays as it is.
const (
	plainUpTo = 16 << 10
	maxEvent  = 100 << 10 // of one event, as it is stored
)

var gzipMagic = []byte{0x1f, 0x8b}

func pack(plain []byte) ([]byte, error) {
	if len(plain) <= plainUpTo {
		return plain, nil
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(plain)
	err = errors.Join(err, w.Close()) // before what is there is looked at
	return b.Bytes(), err
}

func packed(plain []byte) ([]byte, error) {
	b, err := pack(plain)
	return bytes.Clone(b), err
}

// docOf reads the doc of an item.
func docOf[T any](it item) (record T, err error) {
	doc, err := unpack(blobOf(it, attrDoc))
	if err == nil {
		err = json.Unmarshal(doc, &record)
	}
	if err != nil {
		return record, fmt.Errorf("%w: %s %s: %w", errDamaged, textOf(it, attrPK), textOf(it, attrSK), err)
	}
	return record, nil
}

// withDoc gives an item its doc.
func withDoc(it item, doc any) (item, error) {
	b, err := json.Marshal(doc)
	if err == nil {
		b, err = packed(b)
	}
	if err != nil {
		return nil, err
	}
	it[attrDoc] = blob(b)
	return it, nil
}

func unpack(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, gzipMagic) {
		return b, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return plain, nil
}

// update collects an UpdateItem, or a condition alone.
type update struct {
	sets, removes []string
	names         map[string]string
	values        item
}

// name returns what stands for an attribute in an expression: some names are
// words of the language (ACTION, say), so none is written as it is.
func (u *update) name(attr string) string {
	if u.names == nil {
		u.names = make(map[string]string)
	}
	for alias, a := range u.names {
		if a == attr {
			return alias
		}
	}
	alias := "#n" + strconv.Itoa(len(u.names))
	u.names[alias] = attr
	return alias
}

func (u *update) value(v types.AttributeValue) string {
	if u.values == nil {
		u.values = make(item)
	}
	alias := ":v" + strconv.Itoa(len(u.values))
	u.values[alias] = v
	return alias
}

func (u *update) set(attr string, v types.AttributeValue) {
	u.sets = append(u.sets, u.name(attr)+" = "+u.value(v))
}

// setOnce sets what is not set.
func (u *update) setOnce(attr string, v types.AttributeValue) {
	n := u.name(attr)
	u.sets = append(u.sets, fmt.Sprintf("%s = if_not_exists(%s, %s)", n, n, u.value(v)))
}

func (u *update) remove(attr string) { u.removes = append(u.removes, u.name(attr)) }

func (u *update) setOrRemove(attr, v string) {
	if v == "" {
		u.remove(attr)
		return
	}
	u.set(attr, text(v))
}

func (u *update) expression() *string {
	var s string
	for i, part := range u.sets {
		if i == 0 {
			s += "SET "
		} else {
			s += ", "
		}
		s += part
	}
	for i, part := range u.removes {
		if i == 0 {
			s += " REMOVE "
		} else {
			s += ", "
		}
		s += part
	}
	return aws.String(s)
}

// checkKey refuses what a key cannot hold.
func checkKey(what, key string) error {
	const most = 128
	if key == "" || len(key) > most {
		return &sshforward.Error{
			Code:    sshforward.EINVALID,
			Message: sshforward.Textf("A %s has 1 to %d characters.", what, most),
		}
	}
	return nil
}

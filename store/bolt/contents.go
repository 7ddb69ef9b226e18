package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

var _ sshforward.Contents = (*Store)(nil)

// contentsAtOnce is how many records one transaction reads.
const contentsAtOnce = 500

// Contents yields what is kept, as the contract says. It holds nothing in
// between, so a slow reader does not make the file grow.
func (s *Store) Contents(ctx context.Context) iter.Seq2[sshforward.Content, error] {
	return func(yield func(sshforward.Content, error) bool) {
		for _, kind := range []struct {
			bucket []byte
			read   func(key, value []byte) (sshforward.Content, error)
		}{
			{bucketLeases, leaseContent}, {bucketSources, sourceContent}, {bucketMeta, rebuiltContent}, {bucketHeld, heldContent},
		} {
			for from := []byte(nil); ; {
				some, last, err := s.contents(ctx, kind.bucket, from, kind.read)
				for _, c := range some {
					if !yield(c, nil) {
						return
					}
				}
				if err != nil {
					yield(sshforward.Content{}, err)
					return
				}
				if last == nil {
					break
				}
				from = append(last, 0) // the least key behind it
			}
		}
	}
}

// contents reads some of a bucket from a key on. last is nil at the end.
func (s *Store) contents(
	ctx context.Context, bucket, from []byte, read func(key, value []byte) (sshforward.Content, error),
) (some []sshforward.Content, last []byte, err error) {
	type page struct {
		some []sshforward.Content
		last []byte
	}
	p, err := view(ctx, s, "read contents", func(tx *bbolt.Tx) (p page, err error) {
		b := tx.Bucket(bucket)
		if b == nil {
			return p, nil
		}
		c := b.Cursor()
		n := 0
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			if n++; n > contentsAtOnce {
				return p, nil
			}
			p.last = bytes.Clone(k)
			content, err := read(k, v)
			if err != nil {
				return p, err
			}
			if content != (sshforward.Content{}) {
				p.some = append(p.some, content)
			}
		}
		p.last = nil
		return p, nil
	})
	return p.some, p.last, err
}

func leaseContent(key, value []byte) (c sshforward.Content, err error) {
	l, err := decode[sshforward.Lease](value, "lease", string(key))
	return sshforward.Content{Lease: &l}, err
}

func heldContent(key, value []byte) (c sshforward.Content, err error) {
	h, err := decode[sshforward.Held](value, "quota", string(key))
	return sshforward.Content{Held: &h}, err
}

func sourceContent(key, value []byte) (c sshforward.Content, err error) {
	var source []netip.Prefix
	if err := json.Unmarshal(value, &source); err != nil {
		return c, fmt.Errorf("%w: decode source of %s: %w", ErrDamaged, key, err)
	}
	return sshforward.Content{Saved: &sshforward.SavedSource{User: string(key), Source: source}}, nil
}

func rebuiltContent(key, _ []byte) (c sshforward.Content, err error) {
	c.Rebuilt, _ = strings.CutPrefix(string(key), string(rebuiltKey("")))
	if c.Rebuilt == string(key) {
		c.Rebuilt = "" // it is something else
	}
	return c, nil
}

// Adopt takes the id of another store, as the contract says. Errors mean what
// they mean for [Store.Put].
func (s *Store) Adopt(ctx context.Context, id string) error {
	err := s.writer.do(ctx, write{apply: func(tx *bbolt.Tx) (bool, error) { return true, setID(tx, id) }})
	if err == nil {
		s.id = id
	}
	return err
}

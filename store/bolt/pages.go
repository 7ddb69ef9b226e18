package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"time"
)

// What is here reads the pages of a file without bbolt: with plain reads, which
// neither wait for bbolt's locks nor fault where a mapped file has become
// shorter, and with every number checked before it is used. It follows version 2
// of the format, see internal/common of https://github.com/etcd-io/bbolt.

const (
	magic         = 0xED0CDAED
	formatVersion = 2

	headerSize  = 16 // of a page: id, flags, count, overflow
	elementSize = 16 // of an entry in a branch or leaf page
	metaSize    = 64 // of what follows the header of a meta page

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketLeaf   = 0x01 // flag of a leaf entry whose value is a bucket

	smallestPage, largestPage = 1 << 10, 1 << 24

	noFreelist = ^uint64(0) // the list was not written: bbolt walks all pages to make it
)

// metaPage is one of the two pages that a file begins with. The one with the
// higher transaction id is what the file says.
type metaPage struct {
	pageSize                    int64
	root, freelist, pages, txid uint64
}

// parseMeta reads a meta page, and whether it is a whole one.
func parseMeta(p []byte) (m metaPage, ok bool) {
	if len(p) < headerSize+metaSize {
		return m, false
	}
	p = p[headerSize : headerSize+metaSize]
	sum := fnv.New64a()
	sum.Write(p[:56])
	if binary.NativeEndian.Uint32(p) != magic || binary.NativeEndian.Uint32(p[4:]) != formatVersion ||
		binary.NativeEndian.Uint64(p[56:]) != sum.Sum64() {
		return m, false
	}
	m = metaPage{
		pageSize: int64(binary.NativeEndian.Uint32(p[8:])),
		root:     binary.NativeEndian.Uint64(p[16:]), // at 24 is the root bucket's sequence
		freelist: binary.NativeEndian.Uint64(p[32:]),
		pages:    binary.NativeEndian.Uint64(p[40:]),
		txid:     binary.NativeEndian.Uint64(p[48:]),
	}
	return m, m.pageSize >= smallestPage && m.pageSize <= largestPage && m.pageSize&(m.pageSize-1) == 0
}

// readMeta returns the meta page that counts. The size of a page stands in the
// pages themselves, so the second is looked for at every size there is.
func readMeta(file io.ReaderAt) (metaPage, error) {
	buf := make([]byte, headerSize+metaSize)
	at := func(offset int64) (metaPage, bool, error) {
		n, err := file.ReadAt(buf, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return metaPage{}, false, fmt.Errorf("%w: read meta page: %w", ErrDamaged, err)
		}
		m, ok := parseMeta(buf[:n])
		return m, ok, nil
	}
	first, ok, err := at(0)
	if err != nil {
		return metaPage{}, err
	}
	if ok {
		second, ok, err := at(first.pageSize)
		if ok && second.pageSize == first.pageSize && second.txid > first.txid {
			return second, err
		}
		return first, err
	}
	for size := int64(smallestPage); size <= largestPage; size *= 2 {
		if second, ok, err := at(size); err != nil || ok && second.pageSize == size {
			return second, err
		}
	}
	return metaPage{}, fmt.Errorf("%w: both meta pages are spoiled", ErrDamaged)
}

// pageReader goes through the pages of a file, of which it has the lock or which
// nobody writes to.
type pageReader struct {
	file  io.ReaderAt
	size  int64 // of the file, bytes
	meta  metaPage
	until time.Time // when it gives up; zero is never

	free, reached bitmap
}

// errUndecided: there was not enough time to look at everything.
var errUndecided = errors.New("not all pages were looked at")

func newPageReader(file io.ReaderAt, size int64, until time.Time) (*pageReader, error) {
	m, err := readMeta(file)
	if err != nil {
		return nil, err
	}
	r := &pageReader{file: file, size: size, meta: m, until: until}
	if most := uint64(size / m.pageSize); m.pages > most {
		return nil, fmt.Errorf("%w: %d pages of %d are there", ErrDamaged, most, m.pages)
	}
	r.free, r.reached = newBitmap(m.pages), newBitmap(m.pages)
	return r, nil
}

// page reads a page with those that it overflows into.
func (r *pageReader) page(id uint64) (p []byte, flags, count int, err error) {
	if !r.until.IsZero() && time.Now().After(r.until) {
		return nil, 0, 0, errUndecided
	}
	if id < 2 || id >= r.meta.pages {
		return nil, 0, 0, fmt.Errorf("%w: page %d of %d", ErrDamaged, id, r.meta.pages)
	}
	p = make([]byte, r.meta.pageSize)
	if err := r.read(p, id); err != nil {
		return nil, 0, 0, err
	}
	if says := binary.NativeEndian.Uint64(p); says != id {
		return nil, 0, 0, fmt.Errorf("%w: page %d says that it is %d", ErrDamaged, id, says)
	}
	overflow := uint64(binary.NativeEndian.Uint32(p[12:]))
	if overflow >= r.meta.pages-id {
		return nil, 0, 0, fmt.Errorf("%w: page %d is %d pages long, of %d", ErrDamaged, id, overflow+1, r.meta.pages)
	}
	for n := id; n <= id+overflow; n++ {
		if r.free.has(n) || r.reached.has(n) {
			return nil, 0, 0, fmt.Errorf("%w: page %d is in use twice", ErrDamaged, n)
		}
		r.reached.add(n)
	}
	if overflow > 0 {
		p = append(p, make([]byte, int64(overflow)*r.meta.pageSize)...)
		if err := r.read(p[r.meta.pageSize:], id+1); err != nil {
			return nil, 0, 0, err
		}
	}
	return p, int(binary.NativeEndian.Uint16(p[8:])), int(binary.NativeEndian.Uint16(p[10:])), nil
}

func (r *pageReader) read(p []byte, id uint64) error {
	if _, err := r.file.ReadAt(p, int64(id)*r.meta.pageSize); err != nil {
		return fmt.Errorf("%w: read page %d: %w", ErrDamaged, id, err)
	}
	return nil
}

// readFreelist reads which pages are free. A page that is free and in use will
// be written over.
func (r *pageReader) readFreelist() error {
	p, flags, count, err := r.page(r.meta.freelist)
	if err != nil {
		return err
	}
	if flags != freelistPage {
		return fmt.Errorf("%w: page %d is no list of free pages", ErrDamaged, r.meta.freelist)
	}
	ids := p[headerSize:]
	n := uint64(count)
	if count == 0xffff && len(ids) >= 8 { // as large as the field, so the number is the first of the list
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return fmt.Errorf("%w: %d free pages do not fit into their list", ErrDamaged, n)
	}
	for ; n > 0; n, ids = n-1, ids[8:] {
		id := binary.NativeEndian.Uint64(ids)
		if id < 2 || id >= r.meta.pages || r.free.has(id) || r.reached.has(id) {
			return fmt.Errorf("%w: page %d cannot be free", ErrDamaged, id)
		}
		r.free.add(id)
	}
	return nil
}

// span is the keys from lo on that are below hi; nil is no bound.
type span struct{ lo, hi []byte }

// entry is one of a leaf page. It is good until each returns.
type entry struct {
	key, value []byte
	bucket     bool
}

// walk goes through the tree below a page, as far as wanted says that it is of
// interest.
func (r *pageReader) walk(id uint64, within span, wanted func(span) bool, each func(entry) error) error {
	p, flags, count, err := r.page(id)
	if err != nil {
		return err
	}
	return r.walkPage(p, flags, count, within, wanted, each)
}

func (r *pageReader) walkPage(p []byte, flags, count int, within span, wanted func(span) bool, each func(entry) error) error {
	if flags != branchPage && flags != leafPage {
		return fmt.Errorf("%w: a page of kind %#x in a tree", ErrDamaged, flags)
	}
	if headerSize+count*elementSize > len(p) || flags == branchPage && count == 0 {
		return fmt.Errorf("%w: a page with %d entries", ErrDamaged, count)
	}
	type child struct {
		key []byte
		id  uint64
	}
	var children []child
	last := within.lo
	for i := range count {
		e, err := element(p, flags, i)
		if err != nil {
			return err
		}
		order := bytes.Compare(last, e.key)
		if order > 0 || order == 0 && i > 0 || within.hi != nil && bytes.Compare(e.key, within.hi) >= 0 {
			return fmt.Errorf("%w: keys out of order", ErrDamaged)
		}
		last = e.key
		if flags == branchPage {
			children = append(children, child{e.key, binary.NativeEndian.Uint64(e.value)})
		} else if err := each(e); err != nil {
			return err
		}
	}
	for i, c := range children {
		below := span{c.key, within.hi}
		if i+1 < len(children) {
			below.hi = children[i+1].key
		}
		if !wanted(below) {
			continue
		}
		if err := r.walk(c.id, below, wanted, each); err != nil {
			return err
		}
	}
	return nil
}

// element takes an entry of a branch or leaf page apart. The value of a branch
// entry is the id of the page.
func element(p []byte, flags, i int) (e entry, err error) {
	offset := headerSize + i*elementSize
	field := func(n int) int64 { return int64(binary.NativeEndian.Uint32(p[offset+4*n:])) }
	var pos, keySize, valueSize int64
	if flags == branchPage {
		pos, keySize = field(0), field(1)
		e.value = p[offset+8 : offset+elementSize]
	} else {
		e.bucket = field(0)&bucketLeaf != 0
		pos, keySize, valueSize = field(1), field(2), field(3)
	}
	from := int64(offset) + pos
	if keySize == 0 || from+keySize+valueSize > int64(len(p)) {
		return e, fmt.Errorf("%w: an entry of %d and %d bytes does not fit into its page", ErrDamaged, keySize, valueSize)
	}
	e.key = p[from : from+keySize]
	if flags == leafPage {
		e.value = p[from+keySize : from+keySize+valueSize]
	}
	return e, nil
}

// walkBucket is walk for the bucket that is the value of an entry. A small one
// has its only page in the value.
func (r *pageReader) walkBucket(value []byte, wanted func(span) bool, each func(entry) error) error {
	const bucketSize = 16 // root page, sequence
	if len(value) < bucketSize {
		return fmt.Errorf("%w: a bucket of %d bytes", ErrDamaged, len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return r.walk(root, span{}, wanted, each)
	}
	p := value[bucketSize:]
	if len(p) < headerSize {
		return fmt.Errorf("%w: a bucket of %d bytes", ErrDamaged, len(value))
	}
	return r.walkPage(p, int(binary.NativeEndian.Uint16(p[8:])), int(binary.NativeEndian.Uint16(p[10:])), span{}, wanted, each)
}

// bitmap is a set of page ids.
type bitmap []uint64

func newBitmap(n uint64) bitmap    { return make(bitmap, n/64+1) }
func (b bitmap) has(n uint64) bool { return b[n/64]>>(n%64)&1 == 1 }
func (b bitmap) add(n uint64)      { b[n/64] |= 1 << (n % 64) }

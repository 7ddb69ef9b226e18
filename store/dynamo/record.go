package dynamo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

const (
	stretchBits  = 16        // positions in one partition
	seqBits      = 8         // events in one entry
	entryEvents  = 100       // at most, of the 1<<seqBits
	entryBytes   = 200 << 10 // about, of the 400 KB that an item may have
	atOnce       = 8         // items that are written side by side
	positionSize = 20        // digits
)

// record is the audit record in the table, and what one process knows of it.
//
// It is a row of entries, each at the position after the one before it: whoever
// adds one writes it there if nothing is there, or else reads what is, and tries
// the next. So there is no gap, and nothing is ever added before what somebody
// has read.
//
// An entry is open until each of its events has an item of its own, by which they
// are found by time. These are made in the order of the entries: whoever adds
// one, or reads, does so first for those before it, whoever added them. An event
// that two processes have told stands in two entries; the first of them has it,
// and the other one says that it is a double.
type record struct {
	c     *client
	days  map[string]bool // that the table is known to know
	last  uint64          // the last position that is known to be settled
	known bool            // last is
	first uint64
	// stretch is the last one that the table is known to know.
	stretch uint64
}

func stretchOf(position uint64) uint64 { return position >> stretchBits }

func logKey(position uint64) (pk, sk string) {
	return pkLog + digits(stretchOf(position)), digits(position)
}

func digits(n uint64) string { return fmt.Sprintf("%0*d", positionSize, n) }

// seqOf numbers an event: in the order of positions, and in its entry.
func seqOf(position uint64, i int) uint64 { return position<<seqBits | uint64(i) }

// firstPosition is where a table made now begins. What came from another store,
// or from an older table, has lower numbers, also in bolt, which begins with the
// second in which it was opened, shifted by 20 bits.
func firstPosition(now time.Time) uint64 { return uint64(max(now.Unix(), 1)) << (20 - seqBits) }

// entry is some events at one position.
type entry struct {
	position uint64
	id       string
	told     []told
	open     bool
	doubles  []int
}

func (e entry) item() (item, error) {
	b, err := json.Marshal(e.told)
	if err != nil {
		return nil, err
	}
	if b, err = packed(b); err != nil {
		return nil, err
	}
	pk, sk := logKey(e.position)
	it := key(pk, sk)
	it[attrID], it[attrDoc], it[attrOpen] = text(e.id), blob(b), number(1)
	return it, nil
}

func entryOf(it item) (e entry, err error) {
	if e.position, err = strconv.ParseUint(textOf(it, attrSK), 10, 64); err != nil {
		return e, fmt.Errorf("%w: position %q", errDamaged, textOf(it, attrSK))
	}
	e.id, e.open = textOf(it, attrID), it[attrOpen] != nil
	b, err := unpack(blobOf(it, attrDoc))
	if err != nil {
		return e, fmt.Errorf("entry %d: %w", e.position, err)
	}
	if err := json.Unmarshal(b, &e.told); err != nil {
		return e, fmt.Errorf("%w: entry %d: %w", errDamaged, e.position, err)
	}
	if dup := textOf(it, attrDup); dup != "" {
		for n := range strings.SplitSeq(dup, ",") {
			i, err := strconv.Atoi(n)
			if err != nil {
				return e, fmt.Errorf("%w: doubles of entry %d: %q", errDamaged, e.position, dup)
			}
			e.doubles = append(e.doubles, i)
		}
	}
	if err := decode(e.told); err != nil {
		return e, fmt.Errorf("entry %d: %w", e.position, err)
	}
	return e, nil
}

// events are those that have their place in this entry.
func (e entry) events() []sshforward.Event {
	var all []sshforward.Event
	for i, what := range e.told {
		if !slices.Contains(e.doubles, i) {
			what.event.Seq = seqOf(e.position, i)
			all = append(all, what.event)
		}
	}
	return all
}

// add writes events at the end of the record, and returns its last position.
// What was told before is a double, and no error.
func (r *record) add(ctx context.Context, all []told) (uint64, error) {
	if err := r.begin(ctx); err != nil {
		return 0, err
	}
	for len(all) > 0 {
		n := chunk(all)
		if err := r.addEntry(ctx, all[:n]); err != nil {
			return 0, err
		}
		all = all[n:]
	}
	return r.last, nil
}

// chunk is how many events go into one entry.
func chunk(all []told) int {
	size := 0
	for i, what := range all {
		if size += len(what.Event) + len(what.Key) + 30; i == entryEvents || i > 0 && size > entryBytes {
			return i
		}
	}
	return len(all)
}

func (r *record) addEntry(ctx context.Context, all []told) error {
	e := entry{id: rand.Text(), told: all, open: true}
	for {
		e.position = r.last + 1
		if err := r.knowStretch(ctx, stretchOf(e.position)); err != nil {
			return err
		}
		it, err := e.item()
		if err != nil {
			return err
		}
		added, err := r.c.putNew(ctx, it)
		if err != nil {
			return err
		}
		if !added {
			// Somebody was faster, or the answer to the first try was lost.
			before, err := r.next(ctx)
			if err != nil {
				return err
			}
			if before.id != e.id {
				continue
			}
			return nil
		}
		return r.settle(ctx, e)
	}
}

// next settles the entry after the last.
func (r *record) next(ctx context.Context) (entry, error) {
	pk, sk := logKey(r.last + 1)
	it, err := r.c.get(ctx, pk, sk)
	if err != nil {
		return entry{}, err
	}
	if it == nil {
		return entry{}, fmt.Errorf("%w: entry %s is there and not there", errDamaged, sk)
	}
	e, err := entryOf(it)
	if err != nil {
		return entry{}, err
	}
	return e, r.settle(ctx, e)
}

// catchUp settles what others have added, and returns the last position.
func (r *record) catchUp(ctx context.Context) (uint64, error) {
	if err := r.begin(ctx); err != nil {
		return 0, err
	}
	for {
		before := r.last
		pk, sk := logKey(r.last + 1)
		for it, err := range r.c.items(ctx, query{pk: pk, from: sk}) {
			if err != nil {
				return 0, err
			}
			e, err := entryOf(it)
			if err != nil {
				return 0, err
			}
			if e.position != r.last+1 {
				return 0, fmt.Errorf("%w: entry %d comes after %d", errDamaged, e.position, r.last)
			}
			if err := r.settle(ctx, e); err != nil {
				return 0, err
			}
		}
		if r.last == before || stretchOf(r.last+1) == stretchOf(before+1) {
			return r.last, nil
		}
	}
}

// settle makes an item for each event of the entry after the last.
func (r *record) settle(ctx context.Context, e entry) error {
	if !e.open {
		r.last = e.position
		return nil
	}
	if err := r.knowDays(ctx, e.told); err != nil {
		return err
	}
	double := make([]bool, len(e.told))
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i, what := range e.told {
		all.Go(func() (err error) {
			defer safe.Recover(&err)
			double[i], err = r.c.putEvent(ctx, what, seqOf(e.position, i))
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	var doubles []string
	for i, d := range double {
		if d {
			doubles = append(doubles, strconv.Itoa(i))
		}
	}
	pk, sk := logKey(e.position)
	var u update
	u.remove(attrOpen)
	if len(doubles) > 0 {
		u.set(attrDup, text(strings.Join(doubles, ",")))
	}
	_, err := r.c.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &r.c.table, Key: key(pk, sk), UpdateExpression: u.expression(),
		ConditionExpression:      aws.String("attribute_exists(" + u.name(attrSK) + ")"),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	})
	if err != nil {
		return err
	}
	r.last = e.position
	return nil
}

// putEvent makes the item of an event, unless it has one with another number.
func (c *client) putEvent(ctx context.Context, what told, seq uint64) (double bool, err error) {
	at := sortable(what.event.At)
	it := key(pkEvent+dayOf(at), at+"/"+what.Key)
	doc, err := packed(what.Event)
	if err != nil {
		return false, err
	}
	it[attrDoc], it[attrSeq] = blob(doc), number(seq)
	_, err = c.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.table, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(" + attrSK + ") OR " + attrSeq + " = :seq"),
		ExpressionAttributeValues: item{":seq": number(seq)},
	})
	if isCondition(err) {
		return true, nil
	}
	if err != nil || what.event.Act != sshforward.ActClosed || what.event.Opened.IsZero() {
		return false, err
	}
	past := key(pastKey(what.event.Owner), at+"/"+what.Key)
	past[attrDoc], past[attrSeq] = it[attrDoc], it[attrSeq]
	return false, c.put(ctx, past)
}

// pastKey begins the partition of an owner's past. An owner can come from a tag
// in AWS, and a partition key has at most 2 KB.
func pastKey(owner string) string {
	if len(owner) > 1024 {
		return fmt.Sprintf("%s%s#%x", pkPast, owner[:1024], sha256.Sum256([]byte(owner)))
	}
	return pkPast + owner
}

// begin finds the end of the record.
func (r *record) begin(ctx context.Context) error {
	if r.known {
		return nil
	}
	it, err := r.c.get(ctx, pkMeta, skFirst)
	if err != nil {
		return err
	}
	if it == nil {
		it = key(pkMeta, skFirst)
		it[attrSeq] = number(firstPosition(time.Now()))
		if isNew, err := r.c.putNew(ctx, it); err != nil {
			return err
		} else if !isNew {
			return r.begin(ctx)
		}
	}
	if r.first, err = numberOf(it, attrSeq); err != nil {
		return err
	}
	r.last = r.first - 1
	last, err := r.lastStretch(ctx)
	if err != nil {
		return err
	}
	// What is settled is settled in order: so go back to the last that is.
	for k := last; k >= stretchOf(r.first); k-- {
		for it, err := range r.c.items(ctx, query{pk: pkLog + digits(k), newest: true, limit: entryEvents}) {
			if err != nil {
				return err
			}
			if it[attrOpen] != nil {
				continue
			}
			if r.last, err = strconv.ParseUint(textOf(it, attrSK), 10, 64); err != nil {
				return fmt.Errorf("%w: position %q", errDamaged, textOf(it, attrSK))
			}
			r.known = true
			return nil
		}
	}
	r.known = true
	return nil
}

// lastStretch is the last one that has entries, or was about to.
func (r *record) lastStretch(ctx context.Context) (uint64, error) {
	for it, err := range r.c.items(ctx, query{pk: pkMeta, from: skStretch, to: skStretch + "~", newest: true, limit: 1}) {
		if err != nil {
			return 0, err
		}
		k, err := strconv.ParseUint(strings.TrimPrefix(textOf(it, attrSK), skStretch), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w: stretch %q", errDamaged, textOf(it, attrSK))
		}
		return k, nil
	}
	return stretchOf(r.first), nil
}

func (r *record) knowStretch(ctx context.Context, k uint64) error {
	if r.stretch == k {
		return nil
	}
	if err := r.c.put(ctx, key(pkMeta, skStretch+digits(k))); err != nil {
		return err
	}
	r.stretch = k
	return nil
}

// knowDays writes down the days that have events, before they have.
func (r *record) knowDays(ctx context.Context, all []told) error {
	for _, what := range all {
		day := dayOf(sortable(what.event.At))
		if r.days[day] {
			continue
		}
		if err := r.c.put(ctx, key(pkMeta, skDay+day)); err != nil {
			return err
		}
		r.days[day] = true
	}
	return nil
}

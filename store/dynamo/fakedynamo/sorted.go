package fakedynamo

import (
	"iter"
	"slices"
	"sort"
)

// sorted is items in an order, in chunks, so that a partition may have a million.
type sorted struct {
	compare func(a, b item) int
	chunks  [][]item
}

const chunkSize = 512

// place is where in a sorted an item is or would be.
type place struct{ chunk, i int }

func (p place) before(q place) bool { return p.chunk < q.chunk || p.chunk == q.chunk && p.i < q.i }

// search returns the first place at which past holds; from there on it always does.
func (s *sorted) search(past func(item) bool) place {
	c := sort.Search(len(s.chunks), func(i int) bool { return past(s.chunks[i][len(s.chunks[i])-1]) })
	if c == len(s.chunks) {
		return place{chunk: c}
	}
	return place{c, sort.Search(len(s.chunks[c]), func(i int) bool { return past(s.chunks[c][i]) })}
}

func (s *sorted) add(it item) {
	at := s.search(func(other item) bool { return s.compare(other, it) > 0 })
	if at.chunk == len(s.chunks) {
		if at.chunk == 0 {
			s.chunks = append(s.chunks, []item{it})
			return
		}
		at.chunk--
		at.i = len(s.chunks[at.chunk])
	}
	chunk := slices.Insert(s.chunks[at.chunk], at.i, it)
	s.chunks[at.chunk] = chunk
	if len(chunk) > chunkSize {
		half := slices.Clone(chunk[chunkSize/2:])
		s.chunks[at.chunk] = slices.Clip(chunk[:chunkSize/2])
		s.chunks = slices.Insert(s.chunks, at.chunk+1, half)
	}
}

func (s *sorted) remove(it item) {
	at := s.search(func(other item) bool { return s.compare(other, it) >= 0 })
	if at.chunk == len(s.chunks) || s.compare(s.chunks[at.chunk][at.i], it) != 0 {
		return
	}
	if s.chunks[at.chunk] = slices.Delete(s.chunks[at.chunk], at.i, at.i+1); len(s.chunks[at.chunk]) == 0 {
		s.chunks = slices.Delete(s.chunks, at.chunk, at.chunk+1)
	}
}

// between yields what is from lo on and before hi, or the other way round.
func (s *sorted) between(lo, hi place, backwards bool) iter.Seq[item] {
	return func(yield func(item) bool) {
		if backwards {
			for p := hi; ; p.i-- {
				for p.i == 0 {
					if p.chunk == 0 {
						return
					}
					p.chunk--
					p.i = len(s.chunks[p.chunk])
				}
				if at := (place{p.chunk, p.i - 1}); at.before(lo) || !yield(s.chunks[at.chunk][at.i]) {
					return
				}
			}
		}
		for p := lo; p.before(hi) && p.chunk < len(s.chunks); p.i++ {
			if p.i == len(s.chunks[p.chunk]) {
				p = place{p.chunk + 1, -1}
				continue
			}
			if !yield(s.chunks[p.chunk][p.i]) {
				return
			}
		}
	}
}

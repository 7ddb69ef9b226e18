package webtest

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"slices"
)

// small writes a screenshot with 256 colours, which for a page is nearly all of
// them and takes a third of the bytes.
func small(shot []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	box := from.Bounds()
	// Colours that differ by a hair are one.
	near := func(x, y int) color.RGBA {
		c := color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)
		return color.RGBA{c.R &^ 3, c.G &^ 3, c.B &^ 3, 255}
	}
	count, real := make(map[color.RGBA]int), make(map[color.RGBA]color.RGBA)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			c := near(x, y)
			if count[c]++; count[c] == 1 {
				real[c] = color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)
			}
		}
	}
	all := make([]color.RGBA, 0, len(count))
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int { return cmp.Compare(count[b], count[a]) })
	palette := paletteOf(all, real)
	index := make(map[color.RGBA]uint8, len(all))
	for _, c := range all {
		index[c] = uint8(palette.Index(real[c]))
	}
	to := image.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			to.SetColorIndex(x, y, index[near(x, y)])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to)
	return out.Bytes(), err
}

// paletteOf takes the colours that there is most of, but first one of each kind,
// so that a small dot keeps its own.
func paletteOf(all []color.RGBA, real map[color.RGBA]color.RGBA) (palette color.Palette) {
	const kind = 24 * 24 // squared distance
	taken := make(map[color.RGBA]bool)
	for _, apart := range []int{kind, 0} {
		for _, c := range all {
			if len(palette) == 256 {
				return palette
			}
			if !taken[c] && !slices.ContainsFunc(palette, func(p color.Color) bool { return distance(p.(color.RGBA), real[c]) < apart }) {
				taken[c] = true
				palette = append(palette, real[c])
			}
		}
	}
	return palette
}

func distance(a, b color.RGBA) int {
	r, g, bl := int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B)
	return r*r + g*g + bl*bl
}

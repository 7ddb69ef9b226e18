package docs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"testing"
)

// TestDashboardIsPictured wants the picture of the dashboard to be of the file as it
// is: the picture says of which it was drawn. `make dashboard` draws it anew.
func TestDashboardIsPictured(t *testing.T) {
	const most = 300_000 // bytes: it is in every clone
	png, err := os.ReadFile("dashboard.png")
	if err != nil {
		t.Fatal(err)
	}
	if len(png) > most {
		t.Errorf("the picture has %d bytes, and %d is the most", len(png), most)
	}
	file, err := os.ReadFile("../deploy/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("Source\x00grafana-dashboard.json %x", sha256.Sum256(file))
	if got := pngText(png); got != want {
		t.Errorf("the picture is of %q, and the dashboard is %q; run make dashboard", got, want)
	}
}

// pngText is the first tEXt chunk of a PNG.
func pngText(png []byte) string {
	const header, frame = 8, 12 // the signature; length, kind and checksum of a chunk
	for rest := png[min(header, len(png)):]; len(rest) > frame; {
		length := int(binary.BigEndian.Uint32(rest))
		if length > len(rest)-frame {
			break
		}
		if bytes.Equal(rest[4:8], []byte("tEXt")) {
			return string(rest[8 : 8+length])
		}
		rest = rest[frame+length:]
	}
	return ""
}

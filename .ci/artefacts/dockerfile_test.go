package artefacts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// images answers what an image is without asking a registry: Linux, and no more.
type images struct{}

func (images) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config, err := json.Marshal(ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}})
	return ref, digest.FromBytes(config), config, err
}

// lint is what docker build --check says, for each platform that images are for.
func lint(t *testing.T, text []byte) (says []string) {
	t.Helper()
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", text)
	source.Definition = new(llb.Definition)
	target := ocispec.Platform{OS: "linux", Architecture: "arm64"}
	results, err := dockerfile2llb.DockerfileLint(t.Context(), text, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildPlatforms: []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}, TargetPlatforms: []ocispec.Platform{target},
		},
		SourceMap: source, TargetPlatform: &target, MetaResolver: images{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if results.Error != nil {
		says = append(says, results.Error.Message)
	}
	for _, w := range results.Warnings {
		says = append(says, fmt.Sprintf("%s: %s (line %d)", w.RuleName, w.Detail, w.Location.Ranges[0].Start.Line))
	}
	return says
}

// TestDockerfile has Docker's own linter look at the Dockerfile.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range lint(t, text) {
		t.Error(w)
	}
	// It does find things.
	faults := lint(t, []byte("FROM golang:1.26 as build\nENV SECRET_TOKEN=x\nFROM scratch\nCOPY --from=build x /\nCMD sh -c true\n"))
	if len(faults) < 3 {
		t.Errorf("the linter finds only %v", faults)
	}
}

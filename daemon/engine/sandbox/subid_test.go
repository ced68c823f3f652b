package sandbox_test

import (
	"testing"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
)

func TestParseSubID(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text       string
		first, num int
		ok         bool
	}{
		"OK":          {"root:1:2\nkiln:100000:65536\n", 100000, 65536, true},
		"ByUID":       {"1001:100000:65536", 100000, 65536, true},
		"JustEnough":  {"kiln:100000:65535\n", 100000, 65535, true},
		"Larger":      {"kiln:100000:1000000\n", 100000, 65536, true},
		"SecondRange": {"kiln:100000:1000\nkiln:200000:65536\n", 200000, 65536, true},
		"TooSmall":    {"kiln:100000:65534\n", 0, 0, false},
		"Other":       {"kilnx:100000:65536\n", 0, 0, false},
		"Empty":       {"", 0, 0, false},
		"Garbage":     {"kiln:x:65536\nkiln:100000\nkiln:-5:65536\nkiln:100000:y\n# kiln:100000:65536\n", 0, 0, false},
		"Spaces":      {"  kiln:100000:65536  \n", 100000, 65536, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, num, ok := sandbox.ParseSubID(test.text, "kiln", 1001)
			if first != test.first || num != test.num || ok != test.ok {
				t.Errorf("got %d, %d, %v, want %d, %d, %v", first, num, ok, test.first, test.num, test.ok)
			}
		})
	}
}

func TestFreeSubID(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want int
	}{
		"Empty":   {"", 100000},
		"Below":   {"root:1:2\n", 100000},
		"Above":   {"a:100000:65536\nb:300000:65536\nc:165536:65536\n", 365536},
		"Garbage": {"a:x:65536\na:100000\n# a:100000:65536:\n", 100000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sandbox.FreeSubID(test.text); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

package name_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestImage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value   string
		ok      bool
		suggest string // what the remedy offers instead; empty: nothing
	}{
		{value: "segmenter", ok: true},
		{value: "a", ok: true},
		{value: "3d_models", ok: true},
		{value: "_", ok: true},
		{value: strings.Repeat("a", 128), ok: true},
		{value: "", suggest: ""},
		{value: strings.Repeat("a", 129), suggest: strings.Repeat("a", 128)},
		{value: "Segmenter", suggest: "segmenter"},
		{value: "my-image", suggest: "my_image"},
		{value: "My Image v1.2", suggest: "my_image_v1_2"},
		{value: "segmenter\n"},
		{value: "分词"},
		{value: "a/b"},
		{value: "café"},
		{value: "a'; DROP TABLE image; --"},
	} {
		t.Run(test.value, func(t *testing.T) {
			t.Parallel()
			found := name.Image("name", test.value)
			if test.ok {
				if len(found) > 0 {
					t.Fatalf("refused: %v", found)
				}
				return
			}
			if len(found) != 1 || found[0].Code != problem.InvalidName || found[0].Field != "name" {
				t.Fatalf("problems = %v, want one InvalidName", found)
			}
			want := "Choose another name."
			if test.suggest != "" {
				want = `Choose another name, for example "` + test.suggest + `".`
			}
			if found[0].Remedy != want {
				t.Errorf("remedy = %q, want %q", found[0].Remedy, want)
			}
		})
	}
}

func TestGeneral(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		"analytics": true, "Team-A_2": true, "x": true, "A" + strings.Repeat("b", 127): true,
		"": false, "2nd": false, "_x": false, "-x": false, "a b": false, "a.b": false, "a\n": false, "数据": false,
		"A" + strings.Repeat("b", 128): false,
	} {
		found := name.General("name", value)
		if ok != (len(found) == 0) {
			t.Errorf("General(%q) = %v, want accepted = %v", value, found, ok)
		}
		if !ok && (found[0].Code != problem.InvalidName || found[0].Field != "name") {
			t.Errorf("General(%q) = %v, want InvalidName", value, found)
		}
	}
}

func TestDescription(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		"": true, "pyodps plus Chinese word segmentation": true, "中文分词，用于数据开发": true, strings.Repeat("字", 128): true,
		strings.Repeat("字", 129): false, "two\nlines": false, "a\ttab": false, "bell\a": false, "delete\x7f": false, "c1\u0085": false,
		"no utf-8 \xff": false,
	} {
		found := name.Description("description", value)
		if ok != (len(found) == 0) {
			t.Errorf("Description(%q) = %v, want accepted = %v", value, found, ok)
		}
		if !ok && (found[0].Code != problem.InvalidParameter || found[0].Field != "description") {
			t.Errorf("Description(%q) = %v, want InvalidParameter", value, found)
		}
		if long := utf8.RuneCountInString(value) > name.MaxLength; !ok && long != strings.HasPrefix(found[0].Remedy, "Shorten") {
			t.Errorf("Description(%q) advises: %s", value, found[0].Remedy)
		}
	}
}

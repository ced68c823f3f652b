package name_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
)

// FuzzName checks each rule against the same rule in other words, that a refusal says everything, and that a name which it suggests is
// accepted.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"segmenter", "My Image", "my-image.v2", "7up", "a\n", "", "_", "圖像", "a\xff", strings.Repeat("A-", 70), "ſ", "K"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		short := len(text) >= 1 && len(text) <= name.MaxLength
		image := short && strings.Trim(text, lower+digits+"_") == ""
		judge(t, "image name", text, image, name.Image("name", text))
		letters := lower + strings.ToUpper(lower)
		general := short && strings.Trim(text, letters+digits+"_-") == "" && strings.ContainsAny(text[:1], letters)
		judge(t, "name", text, general, name.General("name", text))
		control := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
		judge(t, "description", text, utf8.RuneCountInString(text) <= name.MaxLength && !control, name.Description("description", text))
	})
}

func judge(t *testing.T, what, text string, want bool, found problem.List) {
	t.Helper()
	if want != (len(found) == 0) {
		t.Fatalf("%s %q: %v", what, text, found)
	}
	for _, p := range found {
		if p.Field == "" || p.Value == "" || p.Limit == "" || p.Remedy == "" || strings.ContainsFunc(p.Error(), unicode.IsControl) {
			t.Errorf("%s %q: %+v", what, text, p)
		}
		if _, suggested, ok := strings.Cut(p.Remedy, "for example "); ok {
			suggested, err := strconv.Unquote(strings.TrimSuffix(suggested, "."))
			if err != nil || len(name.Image("name", suggested)) > 0 {
				t.Errorf("%q: %q is suggested, which is refused", text, suggested)
			}
		}
	}
}

package registry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// TestForward tells what a push asks before it uploads, which is not there as a rule, from what went wrong.
func TestForward(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code error
		want string
	}{
		"a layer that is not there yet": {errors.New("blob unknown"), ""},
		"a tag that is not there yet":   {errors.New("manifest unknown"), ""},
		"a repository that is new":      {errors.New("name unknown"), ""},
		"a failure":                     {errors.New("unknown"), `level=ERROR msg="registry error" message="response completed with error" code=unknown method=GET uri=/v2/`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			entry := &logrus.Entry{Message: "response completed with error", Data: logrus.Fields{
				"err.code": test.code, "http.request.method": "GET", "http.request.uri": "/v2/",
			}}
			if err := (forward{slog.New(slog.NewTextHandler(&text, nil))}).Fire(entry); err != nil {
				t.Fatal(err)
			}
			if test.want == "" && text.Len() > 0 || !strings.Contains(text.String(), test.want) {
				t.Errorf("got %q, want %q in it", text.String(), test.want)
			}
		})
	}
}

package official_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// catalogue is in no order, as nothing promises one.
var catalogue = []official.Image{
	{Name: "shell", Version: "20260301", Status: official.StatusReadOnly},
	{Name: "python", Version: "20260901", Status: official.StatusExpired},
	{Name: "shell", Version: "20261101", Status: official.StatusReadOnly},
	{Name: "shell", Version: "20260801", Status: official.StatusReadOnly},
	{Name: "python", Version: "20260101", Status: official.StatusReadOnly},
	{Name: "old", Version: "20200101", Status: official.StatusExpired},
	{Name: "rpm", Version: "20200101", Status: official.StatusUnavailable},
	{Name: "both", Version: "20200101", Status: official.StatusReadOnly},
	{Name: "both", Version: "20200102", Status: official.StatusUnavailable},
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, image, version string
		want                 string
		code                 problem.Code
		field, limit         string
	}{
		{name: "newest", image: "shell", want: "20261101"},
		{name: "pinned", image: "shell", version: "20260301", want: "20260301"},
		{name: "newest that is not expired", image: "python", want: "20260101"},
		{name: "expired, but pinned", image: "python", version: "20260901", want: "20260901"},
		{
			name: "no such version", image: "python", version: "20991231", code: problem.VersionNotFound,
			field: "source.official.version", limit: "20260901, 20260101",
		},
		{name: "only expired", image: "old", code: problem.BaseImageExpired, field: "source.official.image", limit: "an official image with a version that has not expired"},
		{
			name: "nothing to make it from", image: "rpm", code: problem.OfficialImageUnavailable,
			field: "source.official.image", limit: "catalogue.rpm_mirror",
		},
		{
			name: "nothing to make the version from", image: "both", version: "20200102", code: problem.OfficialImageUnavailable,
			field: "source.official.image", limit: "catalogue.rpm_mirror",
		},
		{name: "the newest that can be made", image: "both", want: "20200101"},
		{name: "no such image", image: "Shell", code: problem.OfficialImageNotFound, field: "source.official.image", limit: "both, old, python, rpm, shell"},
		{name: "no name", code: problem.OfficialImageNotFound, field: "source.official.image", limit: "both, old, python, rpm, shell"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := official.Resolve(catalogue, test.image, test.version)
			if test.code == "" {
				if err != nil || got.Name != test.image || got.Version != test.want {
					t.Errorf("got %s %s, %v, want version %s", got.Name, got.Version, err, test.want)
				}
				return
			}
			found := problem.From(err)
			if len(found) != 1 || found[0].Code != test.code || found[0].Field != test.field || found[0].Limit != test.limit {
				t.Errorf("got %v, want %s of %s with limit %s", err, test.code, test.field, test.limit)
			}
		})
	}
}

func TestSuperseded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		image, version, want string
	}{
		{"shell", "20260301", "20261101"},
		{"shell", "20261101", ""},
		{"shell", "20270101", ""}, // a newer one that the catalogue does not have any more
		{"python", "20260101", ""},
		{"python", "20260901", ""}, // what is newest is expired
		{"old", "20200101", ""},
		{"gone", "20200101", ""},
		{"rpm", "20190101", ""}, // it cannot be made
	} {
		got, ok := official.Superseded(catalogue, test.image, test.version)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Superseded(%s, %s) = %q, %v, want %q", test.image, test.version, got, ok, test.want)
		}
	}
}

func TestTag(t *testing.T) {
	t.Parallel()
	if got, want := catalogue[0].Tag(), "localhost/kiln/shell:20260301"; got != want {
		t.Errorf("Tag() = %q, want %q", got, want)
	}
}

func TestAdmitBase(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ image, version, held, field, value, limit string }{
		{image: "python", version: "20260101"},
		{image: "python", version: "20260901", held: "localhost/kiln/python:20260901"}, // it was based on that when that expired
		{image: "python", version: "20260901", held: "localhost/kiln/python:20260101", field: "source.official.version", value: "20260901", limit: "20260101"},
		{image: "python", version: "20260901", field: "source.official.version", value: "20260901", limit: "20260101"},
		{image: "old", version: "20200101", field: "source.official.image", value: "old", limit: "an official image with a version that has not expired"},
	} {
		base, err := official.Resolve(catalogue, test.image, test.version)
		if err != nil {
			t.Fatal(err)
		}
		found := official.AdmitBase(catalogue, base, test.held)
		if len(found) == 0 && test.field == "" {
			continue
		}
		if len(found) != 1 || found[0].Code != problem.BaseImageExpired || found[0].Field != test.field || found[0].Value != test.value ||
			found[0].Limit != test.limit || found[0].Remedy == "" {
			t.Errorf("%+v: %v", test, found)
		}
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	catalogue := []official.Image{
		{Name: "a", Version: "20260101", Status: official.StatusReadOnly},
		{Name: "a", Version: "20260202", Status: official.StatusReadOnly},
		{Name: "a", Version: "20260303", Status: official.StatusExpired},
	}
	for version, want := range map[string]string{"20260101": "20260202", "20260202": "", "20260303": ""} {
		found := official.Update(catalogue, "a", version)
		if want == "" && len(found) == 0 {
			continue
		}
		if len(found) != 1 || found[0].Limit != want || found[0].Value != version || !strings.Contains(found[0].Remedy, `= "`+want+`"`) {
			t.Errorf("%s: %v, want %q", version, found, want)
		}
	}
}

package daemon

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/quota"
)

// documented gives the tables of docs/configuration.md: the cells of the rows below each heading.
func documented(t *testing.T) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	tables, heading := map[string][][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if words, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			heading, _, _ = strings.Cut(words, " ")
		}
		if row, ok := strings.CutPrefix(line, "| `"); ok {
			tables[heading] = append(tables[heading], strings.Split("`"+strings.TrimSuffix(row, " |"), " | "))
		}
	}
	return tables
}

// field is what a table says of a field, and what the code does.
type field struct{ Name, Type, Default string }

// fields walks over a block of the configuration and all below it, with the values that a file without them gets.
func fields(block string, v reflect.Value, found map[string][]field) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for i := range v.NumField() {
		name, kind, _ := strings.Cut(v.Type().Field(i).Tag.Get("hcl"), ",")
		value := v.Field(i)
		switch kind {
		case "label":
		case "block":
			if value.Kind() == reflect.Slice {
				if value.Len() == 0 {
					value = reflect.Append(value, reflect.Zero(value.Type().Elem()))
				}
				value = value.Index(0)
			}
			fields(name, value, found)
		default:
			f := field{"`" + name + "`", typeName(value), fmt.Sprint(value.Interface())}
			if kind == "" {
				f.Default = "required"
			}
			found[block] = append(found[block], f)
		}
	}
}

func typeName(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		return "list of strings"
	case reflect.Int:
		return "number"
	default:
		return v.Kind().String()
	}
}

// computed are the defaults that depend on something else, as the tables have them.
var computed = map[string]string{
	"`data_dir`": "`$XDG_STATE_HOME/kiln`, or else `~/.local/state/kiln`", "`socket`": "`$XDG_RUNTIME_DIR/kiln/kilnd.sock`; without a session `kilnd.sock` in the default data directory",
	"`runtime`": "`runc` beside `kilnd`, or in `../libexec/kiln`", "`external_address`": "what `listen` says",
	"`cache`": "`catalogue` in the data directory", "`description`": "empty", "`provides`": "none", "`openssl`": "none",
	"`rpm_mirror`": "none", "`expired`": "none", "`secrets_dir`": "`secrets` in the data directory",
}

// TestConfigReference: docs/configuration.md has every field of the configuration and no other, with its type and default.
func TestConfigReference(t *testing.T) {
	t.Parallel()
	c, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]field{}
	fields("The", reflect.ValueOf(c), want)
	for _, list := range want {
		for i, f := range list {
			if text, ok := computed[f.Name]; ok {
				list[i].Default = text
			} else if f.Default != "required" {
				list[i].Default = "`" + strings.Trim(f.Default, "[]") + "`"
			}
		}
	}
	tables := documented(t)
	for block, list := range want {
		var got []field
		for _, row := range tables[block] {
			if len(row) != 4 || row[3] == "" {
				t.Errorf("%s: %q says too little", block, row)
				continue
			}
			if !quotedEdition.MatchString(row[0]) {
				got = append(got, field{row[0], row[1], row[2]})
			}
		}
		if diff := cmp.Diff(list, got); diff != "" {
			t.Errorf("%s: the code (-) and the documentation (+) differ:\n%s", block, diff)
		}
	}
}

var quotedEdition = regexp.MustCompile("^`(basic|standard|professional|enterprise)`$")

// TestEditionReference: docs/configuration.md has the limits of the editions.
func TestEditionReference(t *testing.T) {
	t.Parallel()
	var want, got [][]string
	for _, e := range quota.Editions {
		limits := quota.LimitsOf(e)
		row := []string{"`" + string(e) + "`", fmt.Sprint(limits.Images), "–", "no"}
		if limits.PersistentBuild {
			row[2], row[3] = fmt.Sprint(limits.Builds), "yes"
		}
		want = append(want, row)
	}
	for _, row := range documented(t)["region"] {
		if quotedEdition.MatchString(row[0]) {
			got = append(got, row)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestConfigExample: examples/kilnd.hcl is accepted, sets every field, and shows the defaults that it says it shows.
func TestConfigExample(t *testing.T) {
	t.Parallel()
	given, err := LoadConfig("../examples/kilnd.hcl")
	if err != nil {
		t.Fatal(err)
	}
	c, err := given.complete()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(given, c); diff != "" {
		t.Errorf("some fields are not set:\n%s", diff)
	}
	digest := "sha256:" + strings.Repeat("0f1e2d3c4b5a69788796a5b4c3d2e1f0", 2)
	want := Config{
		DataDir: "/srv/kiln/data", Socket: "/srv/kiln/kilnd.sock", Runtime: "/usr/local/libexec/kiln/runc",
		SecretsDir: "/srv/kiln/secrets", Workers: DefaultWorkers, VersionPinning: "enforce", Regions: []Region{{Name: "local", Edition: "professional"}},
		Registry: &Registry{Listen: DefaultListen, ExternalAddress: "registry.internal:5380"},
		Catalogue: &Catalogue{
			Mirror: DefaultMirror, Suite: DefaultSuite, Components: []string{"main"},
			RPMMirror: "http://mirror.internal/el9/BaseOS/x86_64/os/", Internal: true, Cache: "/srv/kiln/catalogue",
			Expired: []string{"dataworks_shell_task_pod:20261101"},
			Images: []OfficialImage{{
				Name: "site_base", Version: "20261101", Reference: "registry.internal:5000/team/base@" + digest,
				Description: "What all teams start from", TaskTypes: []string{"python", "shell"}, Provides: []string{"apt", "python3"}, OpenSSL: "1.0.2k",
			}},
		},
		Indexes: []Index{
			{Name: "site", Type: "pip", URL: "https://pypi.internal/simple/", Internal: true},
			{Name: "rpms", Type: "yum", URL: "http://mirror.internal/el9/AppStream/x86_64/os/"},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	unset(t, "", reflect.ValueOf(c))
}

// unset complains about each field below v that has no value.
func unset(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch {
	case v.IsZero():
		t.Errorf("%s is not in the example", path)
	case v.Kind() == reflect.Pointer:
		unset(t, path, v.Elem())
	case v.Kind() == reflect.Slice:
		unset(t, path, v.Index(0))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			unset(t, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	}
}

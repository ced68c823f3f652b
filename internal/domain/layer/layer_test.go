package layer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/layer"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	file := layer.File{Kind: layer.KindFile, Mode: 0o644, Owner: "0:0", Size: 5, Digest: "aa", Modified: day}
	with := func(change func(*layer.File)) layer.File {
		f := file
		change(&f)
		return f
	}
	for _, test := range []struct {
		name        string
		before, now layer.Files
		want        []string
	}{
		{"nothing", nil, nil, nil},
		{"the same", layer.Files{"/a": file}, layer.Files{"/a": with(func(f *layer.File) { f.Modified = day.In(time.FixedZone("CST", 8*3600)) })}, nil},
		{"content", layer.Files{"/a": file}, layer.Files{"/a": with(func(f *layer.File) { f.Digest = "bb" })}, []string{"/a: content"}},
		{
			"size says more than content",
			layer.Files{"/a": file},
			layer.Files{"/a": with(func(f *layer.File) { f.Size, f.Digest = 6, "bb" })},
			[]string{"/a: size 5 → 6"},
		},
		{"mode", layer.Files{"/a": file}, layer.Files{"/a": with(func(f *layer.File) { f.Mode = 0o4755 })}, []string{"/a: mode 0644 → 4755"}},
		{"owner", layer.Files{"/a": file}, layer.Files{"/a": with(func(f *layer.File) { f.Owner = "0:5" })}, []string{"/a: owner 0:0 → 0:5"}},
		{
			"time",
			layer.Files{"/a": file},
			layer.Files{"/a": with(func(f *layer.File) { f.Modified = day.Add(time.Second) })},
			[]string{"/a: time 2026-11-01T00:00:00Z → 2026-11-01T00:00:01Z"},
		},
		{
			"attributes",
			layer.Files{"/a": file},
			layer.Files{"/a": with(func(f *layer.File) { f.Extended = "security.capability=x" })},
			[]string{"/a: extended attributes"},
		},
		{
			"several of one",
			layer.Files{"/a": file},
			layer.Files{"/a": with(func(f *layer.File) { f.Digest, f.Mode = "bb", 0o600 })},
			[]string{"/a: content, mode 0644 → 0600"},
		},
		{
			"link",
			layer.Files{"/a": {Kind: layer.KindLink, Link: "b"}},
			layer.Files{"/a": {Kind: layer.KindLink, Link: "c"}},
			[]string{"/a: link to b → c"},
		},
		{"kind", layer.Files{"/a": file}, layer.Files{"/a": {Kind: layer.KindDirectory}}, []string{"/a: file → directory"}},
		{
			"in the order of paths",
			layer.Files{"/b": file, "/d": file},
			layer.Files{"/a": file, "/d": with(func(f *layer.File) { f.Digest = "bb" })},
			[]string{"/a: it was not there before", "/b: it is not there any more", "/d: content"},
		},
		{
			"what the base has",
			layer.Files{"/a": {Kind: layer.KindRemoved}},
			layer.Files{"/b": {Kind: layer.KindRemoved}},
			[]string{"/a: it is not removed any more", "/b: it was there before"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range layer.Compare(test.before, test.now) {
				got = append(got, d.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPut(t *testing.T) {
	t.Parallel()
	file, dir := layer.File{Kind: layer.KindFile}, layer.File{Kind: layer.KindDirectory}
	removed := layer.File{Kind: layer.KindRemoved}
	type entry struct {
		path string
		file layer.File
	}
	for _, test := range []struct {
		name string
		put  []entry
		want layer.Files
	}{
		{"as tar names them", []entry{{"etc/", dir}, {"etc/x", file}, {"./", dir}}, layer.Files{"/etc": dir, "/etc/x": file, "/": dir}},
		{"over a file", []entry{{"x", file}, {"x", layer.File{Kind: layer.KindFile, Size: 2}}}, layer.Files{"/x": {Kind: layer.KindFile, Size: 2}}},
		{"a directory again keeps what is in it", []entry{{"d", dir}, {"d/x", file}, {"d", dir}}, layer.Files{"/d": dir, "/d/x": file}},
		{"a file for a directory", []entry{{"d", dir}, {"d/x", file}, {"dx", file}, {"d", file}}, layer.Files{"/d": file, "/dx": file}},
		{"a whiteout", []entry{{"d", dir}, {"d/x", file}, {"d/y", file}, {"d/.wh.x", file}}, layer.Files{"/d": dir, "/d/x": removed, "/d/y": file}},
		{"a whiteout of a directory", []entry{{"d/x/y", file}, {"d/.wh.x", file}}, layer.Files{"/d/x": removed}},
		{
			"an opaque directory",
			[]entry{{"d", dir}, {"d/x", file}, {"d/.wh..wh..opq", file}, {"d/z", file}},
			layer.Files{"/d": dir, "/d/*": removed, "/d/z": file},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := layer.Files{}
			for _, e := range test.put {
				got.Put(e.path, e.file)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

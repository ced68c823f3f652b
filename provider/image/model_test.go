package image

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// sample is an image with everything in it.
func sample() domain.Image {
	i := domain.Image{
		ID: "img-1", Region: "local", CurrentVersion: 2, PublishedVersion: 1, Stage: domain.StageBuildFailed, ProcessID: "proc-1",
		SizeBytes: 10, Base: official.Image{Name: "base", Version: "20260101", ImageID: "abc", Status: official.StatusExpired},
		Packages: []official.Package{{Manager: "pip", Name: "jieba", Version: "0.42.1"}},
		Spec: domain.Spec{
			Name: "x", Visibility: domain.VisibilityPublic, TaskTypes: []tasktype.Type{tasktype.Shell}, Publish: true,
			Test: domain.Test{ResourceGroupID: "rg-1", Commands: []string{"true"}, CU: 0.5},
			Recipe: recipe.Recipe{
				Base: recipe.Base{Official: "base", Version: "20260101"}, Env: map[string]string{"A": "b"}, Platform: recipe.Platform,
				Packages: []pkgmanager.Entry{
					{Type: pkgmanager.Python3, Names: []string{"jieba==0.42.1"}, Index: "https://i"}, {Type: pkgmanager.Script, Script: "a\nb"},
				},
				Files: []recipe.File{{Target: "/a", Mode: "0600", SHA256: hashText("one")}},
			},
		},
	}
	i.InputHash, i.Containerfile = i.Spec.Recipe.Hash(), i.Spec.Recipe.Containerfile()
	return i
}

// empty is the state of an import: nothing is known but the id.
func empty() model {
	return model{
		ID: types.StringValue("img-1"), TaskTypes: types.SetNull(types.StringType), Source: types.ObjectNull(sourceTypes),
		Packages: types.ListNull(packageType), Files: types.ListNull(fileType), Env: types.MapNull(types.StringType),
		Test: types.ObjectNull(testTypes), ResolvedPackages: types.ListNull(resolvedType), PackageChanges: types.ListNull(types.StringType),
	}
}

func check(t *testing.T, diags diag.Diagnostics) {
	t.Helper()
	if diags.HasError() {
		t.Fatal(diags)
	}
}

func TestModelRoundTrip(t *testing.T) {
	t.Parallel()
	img := sample()
	m, diags := toModel(t.Context(), img, empty())
	check(t, diags)
	d, diags := m.draft(t.Context())
	check(t, diags)
	spec := img.Spec
	spec.Recipe.Platform = "" // what is the only possibility is not said
	if diff := cmp.Diff(spec, d.spec); diff != "" {
		t.Error(diff)
	}
	if !d.complete() || d.spec.Recipe.Hash() != img.InputHash {
		t.Errorf("complete = %v, hash = %s, want %s", d.complete(), d.spec.Recipe.Hash(), img.InputHash)
	}
	if m.Stage.ValueString() != "Published" || m.Status.ValueString() != "Expired" || m.PublishedVersion.ValueInt64() != 1 {
		t.Errorf("stage = %s, status = %s, published = %s", m.Stage, m.Status, m.PublishedVersion)
	}
}

// TestUnknownNames checks that no rule refuses, or calls open, what stands for names that are not known yet.
func TestUnknownNames(t *testing.T) {
	t.Parallel()
	one := types.ListValueMust(types.StringType, []attr.Value{types.StringUnknown()})
	for _, kind := range pkgmanager.Types[:len(pkgmanager.Types)-1] {
		for _, names := range []types.List{types.ListUnknown(types.StringType), one} {
			entry, known := packageModel{Type: types.StringValue(string(kind)), Names: names}.entry()
			if found := append(entry.Validate("packages[0]"), entry.Unpinned("packages[0]", nil)...); known || len(found) > 0 {
				t.Errorf("%s %s: known = %v, %v", kind, names, known, found)
			}
		}
	}
}

func TestModelKeepsWhatIsTheSame(t *testing.T) {
	t.Parallel()
	img := sample()
	prior, diags := toModel(t.Context(), img, empty())
	check(t, diags)
	files, _, diags := objects[fileModel](t.Context(), prior.Files)
	check(t, diags)
	files[0].Source = types.StringValue("dict.txt")
	prior.Files, diags = types.ListValueFrom(t.Context(), fileType, files)
	check(t, diags)
	packages, _, diags := objects[packageModel](t.Context(), prior.Packages)
	check(t, diags)
	packages[1].Script = types.StringValue("a\r\nb\n\n")
	prior.Packages, diags = types.ListValueFrom(t.Context(), packageType, packages)
	check(t, diags)

	same, diags := toModel(t.Context(), img, prior)
	check(t, diags)
	if !same.Files.Equal(prior.Files) || !same.Packages.Equal(prior.Packages) {
		t.Error("what the configuration says in its own way was written anew")
	}
	img.Spec.Recipe.Env = nil
	img.InputHash = img.Spec.Recipe.Hash()
	drifted, diags := toModel(t.Context(), img, prior)
	check(t, diags)
	if drifted.Files.Equal(prior.Files) || drifted.Packages.Equal(prior.Packages) || !drifted.Env.IsNull() {
		t.Error("drift is hidden")
	}
}

func TestModelNullWhileNotKnown(t *testing.T) {
	t.Parallel()
	img := sample()
	img.PublishedVersion, img.SizeBytes, img.Packages, img.ProcessID, img.Base.ImageID = 0, 0, nil, "", ""
	img.Spec.Test.Commands = nil
	m, diags := toModel(t.Context(), img, empty())
	check(t, diags)
	for name, v := range map[string]attr.Value{
		"published_version": m.PublishedVersion, "size_bytes": m.SizeBytes, "resolved_packages": m.ResolvedPackages,
		"process_id": m.ProcessID, "base_digest": m.BaseDigest, "commands": m.Test.Attributes()["commands"],
	} {
		if !v.IsNull() {
			t.Errorf("%s = %s, want null", name, v)
		}
	}
}

func TestSettled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		stage     domain.Stage
		published int
		publish   bool
		want      bool
	}{
		{domain.StagePublished, 2, true, true},
		{domain.StageBuilding, 2, true, true},
		{domain.StagePublished, 1, true, false},
		{domain.StageUnpublished, 0, true, false},
		{domain.StagePublishFailed, 0, true, false},
		{domain.StageTesting, 1, true, false},
		{domain.StageUntest, 0, false, false},
		{domain.StageTesting, 0, false, false},
		{domain.StageTestFailed, 0, false, false},
		{domain.StageUnpublished, 0, false, true},
		{domain.StagePublishFailed, 0, false, true},
	} {
		img := domain.Image{Stage: tt.stage, CurrentVersion: 2, PublishedVersion: tt.published}
		if got := settled(img, tt.publish); got != tt.want {
			t.Errorf("settled(%s, published %d, publish %v) = %v", tt.stage, tt.published, tt.publish, got)
		}
	}
}

func TestHashFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := hashFile("files[0].source", path); err != nil || got != hashText("one") {
		t.Errorf("hash = %s, %v", got, err)
	}
	if _, err := hashFile("files[0].source", path+"b"); !problem.Has(err, problem.FileMissing) {
		t.Errorf("err = %v, want FileMissing", err)
	}
	if _, err := hashFile("files[0].source", filepath.Dir(path)); !problem.Has(err, problem.InvalidFile) {
		t.Errorf("err = %v, want InvalidFile", err)
	}
	if _, err := hashFile("files[0].source", "/dev/zero"); !problem.Has(err, problem.InvalidFile) {
		t.Errorf("err = %v, want InvalidFile", err)
	}
}

// TestUpload: a file that is not what the plan has shown is PlanStale, before the daemon is asked anything.
func TestUpload(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []fileModel{
		{Content: types.StringValue("one"), SHA256: types.StringValue(hashText("one"))},
		{Source: types.StringValue(path), SHA256: types.StringValue(hashText("one"))},
	}
	found := problem.From(upload(t.Context(), nil, files))
	if len(found) != 1 || found[0].Code != problem.PlanStale || found[0].Field != "files[1].source" {
		t.Errorf("problems = %v, want PlanStale at files[1].source", found)
	}
	if err := upload(t.Context(), nil, nil); err != nil {
		t.Errorf("no files: %v", err)
	}
}

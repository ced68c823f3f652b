package image_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

func codes(list problem.List) (codes []string) {
	for _, p := range list {
		codes = append(codes, fmt.Sprintf("%s %s", p.Code, p.Field))
	}
	return codes
}

func spec(change func(*image.Spec)) image.Spec {
	s := image.Spec{
		Name: "segmenter", Visibility: image.VisibilityPrivate, TaskTypes: []tasktype.Type{tasktype.PyODPS3, tasktype.Shell},
		Recipe: recipe.Recipe{
			Base:     recipe.Base{Official: "dataworks_pyodps_task_pod", Version: "20261101"},
			Packages: []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{"jieba==0.42.1"}}},
		},
		Test:    image.Test{ResourceGroupID: "rg-1", Commands: []string{"python3 -c 'import jieba'"}, CU: 0.5},
		Publish: true,
	}
	change(&s)
	return s
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*image.Spec)
		want   []string
	}{
		{"OK", func(*image.Spec) {}, nil},
		{"public", func(s *image.Spec) { s.Visibility = image.VisibilityPublic }, nil},
		{"no commands", func(s *image.Spec) { s.Test.Commands = nil }, nil},
		{"no packages", func(s *image.Spec) { s.Recipe.Packages = nil }, nil},
		{"name", func(s *image.Spec) { s.Name = "Segmenter" }, []string{"InvalidName name"}},
		{"description", func(s *image.Spec) { s.Description = "two\nlines" }, []string{"InvalidParameter description"}},
		{"no visibility", func(s *image.Spec) { s.Visibility = "" }, []string{"InvalidParameter visibility"}},
		{"visibility", func(s *image.Spec) { s.Visibility = "team" }, []string{"InvalidParameter visibility"}},
		{"no task types", func(s *image.Spec) { s.TaskTypes = nil }, []string{"EmptyTaskTypes task_types"}},
		{"cu", func(s *image.Spec) { s.Test.CU = 0.3 }, []string{"InvalidCu test.cu"}},
		{"empty command", func(s *image.Spec) { s.Test.Commands = []string{"true", " \n"} }, []string{"InvalidParameter test.commands[1]"}},
		{"NUL in a command", func(s *image.Spec) { s.Test.Commands = []string{"a\x00b"} }, []string{"InvalidParameter test.commands[0]"}},
		{"most commands", func(s *image.Spec) { s.Test.Commands = many(image.MaxTestCommands) }, nil},
		{"too many commands", func(s *image.Spec) { s.Test.Commands = many(image.MaxTestCommands + 1) }, []string{"InvalidParameter test.commands"}},
		{
			"the recipe's own", func(s *image.Spec) { s.Recipe.Packages[0].Names = []string{"jieba; rm -rf /"} },
			[]string{"InvalidRequirement packages[0].names[0]"},
		},
		{
			"a long command", func(s *image.Spec) { s.Test.Commands = []string{"true", strings.Repeat("x", image.MaxTestCommand+1)} },
			[]string{"InvalidParameter test.commands[1]"},
		},
		{"large scripts", func(s *image.Spec) { s.Recipe.Packages = scripts(14) }, nil},
		{"scripts that are too large together", func(s *image.Spec) { s.Recipe.Packages = scripts(15) }, []string{"RequestTooLarge packages"}},
		{
			"commands that are too large together", func(s *image.Spec) {
				s.Recipe.Packages = scripts(1)
				s.Test.Commands = slices.Repeat([]string{strings.Repeat("x", image.MaxTestCommand)}, 14)
			}, []string{"RequestTooLarge test.commands"},
		},
		{
			"everything, in the order of the fields", func(s *image.Spec) { *s = image.Spec{Recipe: recipe.Recipe{Env: map[string]string{"1": ""}}} },
			[]string{"InvalidName name", "InvalidParameter visibility", "EmptyTaskTypes task_types", `InvalidEnv env["1"]`, "InvalidCu test.cu"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, codes(spec(test.change).Validate())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// scripts gives entries of nearly 64 KiB each.
func scripts(n int) []pkgmanager.Entry {
	script := "true #" + strings.Repeat("x", pkgmanager.MaxScript-1000)
	return slices.Repeat([]pkgmanager.Entry{{Type: pkgmanager.Script, Script: script}}, n)
}

func many(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = "true"
	}
	return list
}

func TestAgainst(t *testing.T) {
	t.Parallel()
	base := official.Image{
		Name: "dataworks_pyodps_task_pod", TaskTypes: []tasktype.Type{tasktype.PyODPS3, tasktype.Shell}, Provides: []string{"apt", "python3"},
	}
	shell := official.Image{Name: "dataworks_shell_task_pod", TaskTypes: []tasktype.Type{tasktype.Shell}, Provides: []string{"apt"}}
	for _, test := range []struct {
		name   string
		change func(*image.Spec)
		base   official.Image
		want   []string
	}{
		{"OK", func(*image.Spec) {}, base, nil},
		{
			"a type that the base does not serve", func(s *image.Spec) { s.TaskTypes = []tasktype.Type{tasktype.Shell, tasktype.Notebook} }, base,
			[]string{"TaskTypeNotSupported task_types"},
		},
		{"a type that nobody knows", func(s *image.Spec) { s.TaskTypes = []tasktype.Type{"beam"} }, base, []string{"TaskTypeNotSupported task_types"}},
		{
			"no Python", func(s *image.Spec) { s.TaskTypes = []tasktype.Type{tasktype.Shell} }, shell,
			[]string{"RuntimeMissing packages[0].type"},
		},
		{
			"types and packages", func(s *image.Spec) {
				s.Recipe.Packages = []pkgmanager.Entry{
					{Type: pkgmanager.Script, Script: "true"}, {Type: pkgmanager.Apt, Names: []string{"curl=1"}}, {Type: pkgmanager.Python3, Names: []string{"a==1"}},
				}
			},
			official.Image{Name: "empty", TaskTypes: []tasktype.Type{tasktype.Shell}},
			[]string{"TaskTypeNotSupported task_types", "PackageManagerMissing packages[1].type", "RuntimeMissing packages[2].type"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, codes(spec(test.change).Against(test.base))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAdmitPublish(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		published int
		publish   bool
		want      []string
	}{
		{0, true, nil},
		{0, false, nil},
		{3, true, nil},
		{3, false, []string{"CannotUnpublish publish"}},
	} {
		if diff := cmp.Diff(test.want, codes(image.AdmitPublish(test.published, test.publish))); diff != "" {
			t.Errorf("published version %d, publish = %v: %s", test.published, test.publish, diff)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	if got := (image.Image{Base: official.Image{Status: official.StatusReadOnly}}).Status(); got != image.StatusAvailable {
		t.Errorf("status = %s", got)
	}
	if got := (image.Image{Base: official.Image{Status: official.StatusExpired}}).Status(); got != image.StatusExpired {
		t.Errorf("status = %s", got)
	}
}

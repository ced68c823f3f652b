package tasktype_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

func TestSupports(t *testing.T) {
	t.Parallel()
	matrix := map[tasktype.Type]map[tasktype.Source]bool{
		tasktype.PyODPS2:     {tasktype.SourceOfficial: true, tasktype.SourceRegistry: false},
		tasktype.PyODPS3:     {tasktype.SourceOfficial: true, tasktype.SourceRegistry: false},
		tasktype.EMRSpark:    {tasktype.SourceOfficial: true, tasktype.SourceRegistry: false},
		tasktype.EMRSparkSQL: {tasktype.SourceOfficial: true, tasktype.SourceRegistry: false},
		tasktype.EMRShell:    {tasktype.SourceOfficial: true, tasktype.SourceRegistry: false},
		tasktype.Shell:       {tasktype.SourceOfficial: true, tasktype.SourceRegistry: true},
		tasktype.Python:      {tasktype.SourceOfficial: true, tasktype.SourceRegistry: true},
		tasktype.Notebook:    {tasktype.SourceOfficial: true, tasktype.SourceRegistry: true},
		tasktype.CDH:         {tasktype.SourceOfficial: true, tasktype.SourceRegistry: false},
		tasktype.Assignment:  {tasktype.SourceOfficial: true, tasktype.SourceRegistry: false},
	}
	if len(matrix) != len(tasktype.Types) {
		t.Fatalf("there are %d task types, the matrix has %d", len(tasktype.Types), len(matrix))
	}
	for _, kind := range tasktype.Types {
		for source, want := range matrix[kind] {
			if got := tasktype.Supports(kind, source); got != want {
				t.Errorf("Supports(%s, %s) = %v, want %v", kind, source, got, want)
			}
		}
	}
	if tasktype.Supports("beam", tasktype.SourceOfficial) || tasktype.Supports("", tasktype.SourceRegistry) || tasktype.Supports(tasktype.Shell, "dev") {
		t.Error("what nobody has heard of is supported")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"shell", "python"}, tasktype.Names([]tasktype.Type{tasktype.Shell, tasktype.Python})); diff != "" {
		t.Error(diff)
	}
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	for _, kind := range tasktype.Types {
		argv := tasktype.Smoke(kind)
		if len(argv) > 0 && argv[0][0] != '/' {
			t.Errorf("the smoke test of %s runs %q, which depends on PATH", kind, argv[0])
		}
	}
	for _, kind := range []tasktype.Type{tasktype.Shell, tasktype.Python, tasktype.PyODPS2, tasktype.PyODPS3, tasktype.Notebook} {
		if tasktype.Smoke(kind) == nil {
			t.Errorf("%s has no smoke test", kind)
		}
	}
	if tasktype.Smoke("beam") != nil {
		t.Error("an unknown type has a smoke test")
	}
}

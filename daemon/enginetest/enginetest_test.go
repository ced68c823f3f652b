package enginetest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/enginetest"
	"github.com/kilnhq/kiln/daemon/worker"
)

func imageJob(tag string) worker.Job {
	return worker.Job{ID: "p1", Kind: worker.KindImage, Image: &worker.Image{
		Containerfile: "FROM localhost/kiln/base:1\nRUN [\"true\"]\n",
		Tag:           tag,
		Commands:      []worker.Command{{Name: "test[0]", Argv: []string{"true"}}},
	}}
}

func TestDefault(t *testing.T) {
	t.Parallel()
	e := enginetest.New()
	var steps []string
	first, err := e.Execute(t.Context(), imageJob("localhost/kiln/x:1"), func(ev worker.Event) {
		if ev.Step != nil {
			steps = append(steps, ev.Step.Name)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"FROM localhost/kiln/base:1", `RUN ["true"]`, "test[0]"}, steps); diff != "" {
		t.Error(diff)
	}
	second, err := e.Execute(t.Context(), imageJob("localhost/kiln/y:1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("equal recipes differ: %s", diff)
	}
	remove := worker.Job{Kind: worker.KindRemove, Remove: &worker.Remove{Images: []string{"localhost/kiln/x:1", "absent"}}}
	if _, err := e.Execute(t.Context(), remove, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"localhost/kiln/y:1"}, e.Images()); diff != "" {
		t.Error(diff)
	}
	if got := e.Calls(worker.KindImage); got != 2 {
		t.Errorf("calls = %d, want 2", got)
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	e := enginetest.New()
	e.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 7, Message: "exit code 7"})
	var failure *worker.Failure
	if _, err := e.Execute(t.Context(), imageJob(""), nil); !errors.As(err, &failure) || failure.ExitCode != 7 {
		t.Fatalf("err = %v, want the scripted failure", err)
	}
	if _, err := e.Execute(t.Context(), imageJob(""), nil); err != nil {
		t.Fatalf("second job: %v", err)
	}
	e.FailCommand("test[0]", 3)
	if _, err := e.Execute(t.Context(), imageJob(""), nil); !errors.As(err, &failure) || failure.Step != "test[0]" {
		t.Fatalf("err = %v, want a failed command", err)
	}
}

func TestBlock(t *testing.T) {
	t.Parallel()
	e := enginetest.New()
	release := e.Block(worker.KindImage)
	defer release()
	done := make(chan error, 2)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { _, err := e.Execute(ctx, imageJob(""), nil); done <- err }()
	go func() { _, err := e.Execute(t.Context(), imageJob(""), nil); done <- err }()
	if err := e.WaitCalls(t.Context(), worker.KindImage, 2); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	cancel(stop)
	if err := <-done; !errors.Is(err, stop) {
		t.Fatalf("err = %v, want the context's cause", err)
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := e.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.MostRunning(worker.KindImage); got != 2 {
		t.Errorf("most running = %d, want 2", got)
	}
}

package process_test

import (
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/domain/process"
)

func TestFinal(t *testing.T) {
	t.Parallel()
	for state, want := range map[process.State]bool{
		process.StateQueued: false, process.StateRunning: false, process.StateCompleted: true, process.StateFailed: true,
		process.StateCancelled: true, "": false,
	} {
		if got := state.Final(); got != want {
			t.Errorf("%q is final: %v, want %v", state, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	now := start.Add(time.Hour)
	for _, test := range []struct {
		name      string
		in        process.Process
		want      time.Duration
		cuSeconds float64
	}{
		{"queued", process.Process{CU: 0.5}, 0, 0},
		{"cancelled while queued", process.Process{CU: 0.5, EndedAt: now}, 0, 0},
		{"running", process.Process{CU: 0.5, StartedAt: start}, time.Hour, 1800},
		{"ended", process.Process{CU: 2, StartedAt: start, EndedAt: start.Add(90 * time.Second)}, 90 * time.Second, 180},
		{"without size", process.Process{StartedAt: start, EndedAt: now}, time.Hour, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.in.Duration(now); got != test.want {
				t.Errorf("duration = %s, want %s", got, test.want)
			}
			if got := test.in.CUSeconds(now); got != test.cuSeconds {
				t.Errorf("CU seconds = %g, want %g", got, test.cuSeconds)
			}
		})
	}
}

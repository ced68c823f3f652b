package enginetest_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/enginetest"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	r := enginetest.NewRegistry()
	address, password, revoke := r.Grant()
	_, other, _ := r.Grant()
	if address == "" || password == "" || password == other {
		t.Errorf("the grants are %q, %q and %q", address, password, other)
	}
	revoke()
	revoke()
	if made, open := r.Grants(); made != 2 || open != 1 {
		t.Errorf("%d grants, %d of them open", made, open)
	}
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		do   func() error
		fail func(error)
		seen func() []string
	}{
		"Verify": {func() error { return r.Verify(t.Context(), "a", "sha256:b") }, r.FailVerify, r.Verified},
		"Delete": {func() error { return r.Delete(t.Context(), "a", "sha256:b") }, r.FailDelete, r.Deleted},
	} {
		test.fail(broken)
		if err := test.do(); !errors.Is(err, broken) || len(test.seen()) != 0 {
			t.Errorf("%s: %v, %v", name, err, test.seen())
		}
		test.fail(nil)
		if err := test.do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]string{"a@sha256:b"}, test.seen()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := r.Reference("a", "sha256:b"); got != enginetest.RegistryHost+"/a@sha256:b" {
		t.Errorf("reference = %q", got)
	}
}

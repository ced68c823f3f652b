package build_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
)

func codes(list problem.List) (codes []string) {
	for _, p := range list {
		codes = append(codes, fmt.Sprintf("%s %s", p.Code, p.Field))
	}
	return codes
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		in   build.Build
		want []string
	}{
		{"OK", build.Build{ImageID: "img-1", ImageVersion: 1, CU: 0.5}, nil},
		{"no image", build.Build{ImageVersion: 1, CU: 0.5}, []string{"MissingRequired image_id"}},
		{"no version", build.Build{ImageID: "img-1", CU: 0.5}, []string{"InvalidParameter image_version"}},
		{"negative version", build.Build{ImageID: "img-1", ImageVersion: -1, CU: 0.5}, []string{"InvalidParameter image_version"}},
		{"nothing", build.Build{}, []string{"InvalidCu cu", "MissingRequired image_id", "InvalidParameter image_version"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, codes(test.in.Validate())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAdmitEdition(t *testing.T) {
	t.Parallel()
	refused := []string{"EditionNotSupported image_id"}
	for edition, want := range map[quota.Edition][]string{
		quota.EditionBasic: refused, quota.EditionStandard: refused, quota.EditionProfessional: nil, quota.EditionEnterprise: nil,
		"": refused, "ultimate": refused,
	} {
		if diff := cmp.Diff(want, codes(build.AdmitEdition(edition))); diff != "" {
			t.Errorf("%q: %s", edition, diff)
		}
	}
}

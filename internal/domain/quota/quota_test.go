package quota_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
)

func TestLimitsOf(t *testing.T) {
	t.Parallel()
	for edition, want := range map[quota.Edition]quota.Limits{
		quota.EditionBasic:        {Images: 10, Builds: 2},
		quota.EditionStandard:     {Images: 10, Builds: 2},
		quota.EditionProfessional: {Images: 50, Builds: 2, PersistentBuild: true},
		quota.EditionEnterprise:   {Images: 100, Builds: 2, PersistentBuild: true},
		"Basic":                   {},
		"":                        {},
	} {
		if diff := cmp.Diff(want, quota.LimitsOf(edition)); diff != "" {
			t.Errorf("%q: %s", edition, diff)
		}
	}
	for _, edition := range quota.Editions {
		if quota.LimitsOf(edition).Images == 0 {
			t.Errorf("%s has no limits", edition)
		}
	}
}

func TestCheckImages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		edition       quota.Edition
		used, planned int
		ok            bool
	}{
		{quota.EditionBasic, 0, 1, true},
		{quota.EditionBasic, 9, 1, true},
		{quota.EditionBasic, 10, 0, true},
		{quota.EditionBasic, 10, 1, false},
		{quota.EditionBasic, 0, 11, false},
		{quota.EditionStandard, 10, 1, false},
		{quota.EditionProfessional, 49, 1, true},
		{quota.EditionProfessional, 50, 1, false},
		{quota.EditionEnterprise, 99, 1, true},
		{quota.EditionEnterprise, 100, 1, false},
		{"ultimate", 0, 1, false},
	} {
		found := quota.CheckImages(test.edition, test.used, test.planned)
		if test.ok != (len(found) == 0) {
			t.Errorf("%+v: %v", test, found)
		} else if !test.ok && (found[0].Code != problem.ImageQuotaExceeded || found[0].Field != "name") {
			t.Errorf("%+v: %v", test, found)
		}
	}
	want := problem.List{{
		Code: problem.ImageQuotaExceeded, Field: "name", Value: "10 used, 1 planned", Limit: "10 images in edition basic",
		Remedy: "Delete an image that is no longer needed, or raise the region's edition.",
	}}
	if diff := cmp.Diff(want, quota.CheckImages(quota.EditionBasic, 10, 1)); diff != "" {
		t.Error(diff)
	}
}

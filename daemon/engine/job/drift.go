package job

import (
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
)

// compare refuses a result that has other packages than the job expects.
func (b *build) compare(packages []worker.Package) error {
	if len(b.spec.Expect) == 0 {
		return nil
	}
	found := lock.Compare(domain(b.spec.Expect), domain(packages))
	if len(found) == 0 {
		return nil
	}
	b.report.step(b.number+1, b.total+1, "compare packages")
	for _, d := range found {
		b.report.remark("%s", d)
	}
	return &worker.Failure{
		Kind: worker.FailureDrift, Step: "compare packages", Message: "other packages than were tested", Expect: b.spec.Expect, Found: packages,
	}
}

func domain(list []worker.Package) []official.Package {
	converted := make([]official.Package, len(list))
	for i, p := range list {
		converted[i] = official.Package(p)
	}
	return converted
}

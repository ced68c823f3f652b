package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/daemon/worker"
)

// TestDiffer builds what is not the same twice: the log names the files that differ, and no others.
func TestDiffer(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	job := worker.Job{Kind: worker.KindImage, Image: &worker.Image{
		Containerfile: "FROM " + base + `
RUN mkdir -p /made/many && echo same > /made/same && cat /proc/sys/kernel/random/uuid > /made/uuid && rm /etc/issue.net
RUN touch /made/many/$(cat /proc/sys/kernel/random/uuid) && for n in $(seq 30); do cat /proc/sys/kernel/random/uuid > /made/many/$n; done
`,
		Epoch: epoch, Tag: "localhost/kiln/differ:1",
	}}
	first, r, err := execute(t, e, job)
	if err != nil {
		t.Fatal(err)
	}
	if said := r.text(worker.StreamKiln); strings.Contains(said, "baked before") {
		t.Errorf("the first build compares with nothing:\n%s", said)
	}
	job.ID, job.Image.Previous = t.Name()+"-again", first.ImageID
	second, r, err := execute(t, e, job)
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Split(strings.TrimSpace(r.text(worker.StreamKiln)), "\n")
	at := slices.IndexFunc(said, func(line string) bool { return strings.Contains(line, "files that differ: 33") })
	if second.ImageID == first.ImageID || at < 0 || len(said)-at != 1+20+1 || said[len(said)-1] != "  and 13 more" {
		t.Fatalf("%s, then %s:\n%s", first.ImageID, second.ImageID, strings.Join(said, "\n"))
	}
	if !slices.Contains(said, "  /made/many/1: content") {
		t.Errorf("it does not name what differs:\n%s", strings.Join(said, "\n"))
	}

	job.ID, job.Image.Previous = t.Name()+"-gone", strings.Repeat("0", 64)
	if _, r, err = execute(t, e, job); err != nil || !strings.Contains(r.text(worker.StreamKiln), "not in the store any more") {
		t.Errorf("with what is gone: %v\n%s", err, r.text(worker.StreamKiln))
	}
}

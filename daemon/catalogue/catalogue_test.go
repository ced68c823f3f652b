package catalogue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/catalogue"
	"github.com/kilnhq/kiln/daemon/enginetest"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

const shell = "dataworks_shell_task_pod"

func silent(string, ...any) {}

func TestShipped(t *testing.T) {
	t.Parallel()
	defaults := map[tasktype.Type]string{}
	for _, o := range catalogue.Shipped("bookworm", []string{"main", "contrib"}) {
		if _, err := time.Parse("20060102", o.Version); err != nil || o.Status != official.StatusReadOnly || o.Definition == nil || o.Reference != "" {
			t.Errorf("%s %s cannot be made: %+v", o.Name, o.Version, o)
		}
		if d := o.Definition; !d.RPM && (!slices.Equal(d.Components, []string{"main", "contrib"}) || d.Suite != "bookworm") {
			t.Errorf("%s is made from %+v", o.Name, o.Definition)
		}
		for _, kind := range o.Default {
			if other, there := defaults[kind]; there && other != o.Name || !slices.Contains(o.TaskTypes, kind) {
				t.Errorf("%s and %q are the default for %s", o.Name, other, kind)
			}
			defaults[kind] = o.Name
		}
		for _, what := range o.Provides {
			if (pkgmanager.Entry{Type: pkgmanager.Type(what)}).Needs() != what {
				t.Errorf("%s provides %s, which no package needs", o.Name, what)
			}
		}
	}
	for _, kind := range []tasktype.Type{tasktype.Shell, tasktype.Python, tasktype.PyODPS2, tasktype.PyODPS3, tasktype.Notebook} {
		if defaults[kind] == "" {
			t.Errorf("%s has no default", kind)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{})
	for _, test := range []struct {
		name string
		kind tasktype.Type
		want []string
	}{
		{"", "", []string{
			"dataworks_notebook_task_pod", "dataworks_pyodps_py311_task_pod", "dataworks_pyodps_task_pod", "dataworks_pyodps_task_pod",
			"dataworks_python_task_pod", "dataworks_shell_rpm_task_pod", shell,
		}},
		{"", tasktype.PyODPS2, []string{"dataworks_pyodps_task_pod"}},
		{shell, "", []string{shell}},
		{"", tasktype.Python, []string{"dataworks_python_task_pod"}},
		{shell, tasktype.Python, nil},
		{"gone", "", nil},
	} {
		list, err := d.Catalogue.List(d.Context(), test.name, test.kind)
		servicetest.Must(t, err)
		var got []string
		for _, o := range list {
			got = append(got, o.Name)
			if o.Available {
				t.Errorf("%s is there already", o.Name)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q, %q: %s", test.name, test.kind, diff)
		}
	}
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{})
	id, err := d.Catalogue.Prepare(d.Context(), shell, "")
	servicetest.Must(t, err)
	v := d.Wait(id, process.StateCompleted)
	if v.Owner != process.Everyone || v.Kind != process.KindCatalogue || v.Region != "local" {
		t.Errorf("got %+v", v)
	}
	list, err := d.Catalogue.List(d.Context(), shell, "")
	servicetest.Must(t, err)
	job := d.Engine.Jobs()[0]
	want := enginetest.Default(job)
	if got := list[0]; !got.Available || got.ImageID != want.ImageID || got.SizeBytes != want.SizeBytes || len(got.Packages) != len(want.Packages) {
		t.Errorf("got %+v", got)
	}
	if job.Kind != worker.KindBootstrap || job.Bootstrap.Tag != list[0].Tag() || !slices.Equal(job.Bootstrap.Mirrors, []string{"http://mirror.test/debian"}) ||
		job.Bootstrap.Epoch.Format("20060102") != list[0].Version || job.Network.Egress != worker.EgressRestricted ||
		len(job.Network.Allow) != 1 || job.Network.Allow[0].Port != 80 || job.Network.Hosts["mirror.test"] != "192.0.2.7" {
		t.Errorf("the job is %+v, %+v", job, job.Bootstrap)
	}
	if id, err := d.Catalogue.Prepare(d.Context(), shell, catalogue.Version); err != nil || id != "" {
		t.Errorf("what is there is made by process %q, %v", id, err)
	}
	servicetest.Must(t, d.Catalogue.Forget(d.Context(), shell, catalogue.Version))
	if id, err = d.Catalogue.Prepare(d.Context(), shell, ""); err != nil || id == "" {
		t.Errorf("what is not there any more is made by process %q, %v", id, err)
	}
	d.Wait(id, process.StateCompleted)

	_, err = d.Catalogue.Prepare(d.Context(), "gone", "")
	servicetest.Refused(t, err, problem.OfficialImageNotFound, "source.official.image")
	_, err = d.Catalogue.Prepare(d.Context(), shell, "1")
	servicetest.Refused(t, err, problem.VersionNotFound, "source.official.version")
}

// TestPrepareTogether checks that many who need an image at once have it made once.
func TestPrepareTogether(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{})
	release := d.Engine.Block(worker.KindBootstrap)
	first, err := d.Catalogue.Prepare(d.Context(), shell, "")
	servicetest.Must(t, err)
	again, err := d.Catalogue.Prepare(d.Context(), shell, "")
	if err != nil || again != first {
		t.Errorf("process %s, %v, want %s", again, err, first)
	}
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			if o, err := d.Catalogue.Ensure(d.Context(), shell, "", silent); err != nil || !o.Available || o.ImageID == "" {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindBootstrap, 1))
	release()
	wait.Wait()
	if n := d.Engine.Calls(worker.KindBootstrap); n != 1 {
		t.Errorf("it was made %d times", n)
	}
}

func TestEnsureFails(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{})
	d.Engine.FailOnce(worker.KindBootstrap, &worker.Failure{Kind: worker.FailureBootstrap, Message: "no mirror"})
	var remarks []string
	_, err := d.Catalogue.Ensure(d.Context(), shell, "", func(format string, args ...any) { remarks = append(remarks, fmt.Sprintf(format, args...)) })
	servicetest.Refused(t, err, problem.CatalogBuildFailed, "")
	if len(remarks) != 1 {
		t.Errorf("remarks = %q", remarks)
	}
	release := d.Engine.Block(worker.KindBootstrap)
	ctx, cancel := context.WithCancel(d.Context())
	_, err = d.Catalogue.Ensure(ctx, shell, "", func(string, ...any) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	release()
	if _, err := d.Catalogue.Ensure(d.Context(), shell, "", silent); err != nil {
		t.Error(err)
	}
}

// TestPull checks entries that a site adds from a registry.
func TestPull(t *testing.T) {
	t.Parallel()
	entry := func(name, reference string) official.Image {
		return official.Image{Name: name, Version: "20260101", Status: official.StatusReadOnly, Reference: reference}
	}
	d := servicetest.New(t, servicetest.Options{Entries: []official.Image{
		entry("port", "registry.test:5000/team/base@sha256:ab"), entry("tls", "registry.test/team/base:1"), entry("gone", "registry.test/gone:1"),
	}})
	for name, port := range map[string]uint16{"port": 5000, "tls": 443} {
		o, err := d.Catalogue.Ensure(d.Context(), name, "20260101", silent)
		if err != nil || !o.Available {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
		jobs := d.Engine.Jobs(worker.KindPull)
		job := jobs[len(jobs)-1]
		if job.Pull.Source != o.Reference || job.Pull.Tag != o.Tag() || job.Network.Egress != worker.EgressRestricted || job.Network.Allow[0].Port != port {
			t.Errorf("%s: the job is %+v, %+v", name, job, job.Pull)
		}
	}
	d.Engine.FailOnce(worker.KindPull, &worker.Failure{Kind: worker.FailureTransfer, Message: "manifest unknown"})
	_, err := d.Catalogue.Ensure(d.Context(), "gone", "", silent)
	servicetest.Refused(t, err, problem.ImagePullFailed, "")
}

// TestReopen checks that a daemon that starts knows what is in the image store.
func TestReopen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := servicetest.New(t, servicetest.Options{Dir: dir})
	if _, err := d.Catalogue.Ensure(d.Context(), shell, "", silent); err != nil {
		t.Fatal(err)
	}
	d.Stop()
	d = servicetest.New(t, servicetest.Options{Dir: dir})
	if _, err := d.Catalogue.Ensure(d.Context(), shell, "", silent); err != nil {
		t.Fatal(err)
	}
	if n := len(d.Engine.Jobs()); n != 0 {
		t.Errorf("%d jobs for what was there", n)
	}
}

// TestRPM checks that the image of rpm packages is made from the site's repository, and not without one.
func TestRPM(t *testing.T) {
	t.Parallel()
	const name = "dataworks_shell_rpm_task_pod"
	d := servicetest.New(t, servicetest.Options{})
	list, err := d.Catalogue.List(d.Context(), name, "")
	servicetest.Must(t, err)
	if len(list) != 1 || list[0].Status != official.StatusUnavailable {
		t.Errorf("without a repository: %+v", list)
	}
	_, err = d.Catalogue.Prepare(d.Context(), name, "")
	servicetest.Refused(t, err, problem.OfficialImageUnavailable, "source.official.image")

	d = servicetest.New(t, servicetest.Options{RPM: "http://rpm.test:8080/os/"})
	o, err := d.Catalogue.Ensure(d.Context(), name, "", silent)
	if err != nil || !o.Available || o.Status != official.StatusReadOnly {
		t.Errorf("with a repository: %+v, %v", o, err)
	}
	job := d.Engine.Jobs(worker.KindBootstrap)[0]
	if b := job.Bootstrap; !strings.Contains(b.Repository, "baseurl=http://rpm.test:8080/os/\n") || len(b.Mirrors) != 0 || job.Network.Allow[0].Port != 8080 {
		t.Errorf("the job is %+v, %+v", job, job.Bootstrap)
	}
}

// TestOlder checks that Python 2 is looked for in an older release, from which nothing else is preferred.
func TestOlder(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{})
	if _, err := d.Catalogue.Ensure(d.Context(), "dataworks_pyodps_task_pod", "", silent); err != nil {
		t.Fatal(err)
	}
	b := d.Engine.Jobs(worker.KindBootstrap)[0].Bootstrap
	if diff := cmp.Diff([]string{"http://mirror.test/debian", "deb http://mirror.test/debian bullseye main"}, b.Mirrors); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(b.Setup, func(hook string) bool { return strings.Contains(hook, `n=bullseye\nPin-Priority: 100\n`) }) {
		t.Errorf("nothing keeps the older release behind: %q", b.Setup)
	}
}

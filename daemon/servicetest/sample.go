package servicetest

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/process"
	builddomain "github.com/kilnhq/kiln/internal/domain/build"
	imagedomain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// Must ends the test when something went wrong that is not what it is about.
func Must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Refused checks that an error is one problem of a code about a field.
func Refused(tb testing.TB, err error, code problem.Code, field string) {
	tb.Helper()
	_ = Refusal(tb, err, code, field)
}

// Refusal is Refused for those who want to see more of the problem.
func Refusal(tb testing.TB, err error, code problem.Code, field string) problem.Problem {
	tb.Helper()
	found := problem.From(err)
	if len(found) != 1 || found[0].Code != code || found[0].Field != field {
		tb.Fatalf("got %v, want %s of %s", err, code, field)
	}
	return found[0]
}

// Group makes a serverless resource group of 2 CU over a restricted network in a region.
func (d *Daemon) Group(owner, region, name string) resourcegroup.ResourceGroup {
	d.tb.Helper()
	n, err := d.Networks.Create(d.ctx, owner, "", network.Network{
		Region: region, Name: name + "-net", Egress: network.EgressRestricted, Allow: []string{"mirror.test:80"},
	})
	Must(d.tb, err)
	g, err := d.ResourceGroups.Create(d.ctx, owner, "", resourcegroup.ResourceGroup{
		Region: region, Name: name, Type: resourcegroup.TypeServerless, NetworkID: n.ID, CU: 2, TimeZone: "Asia/Shanghai",
	})
	Must(d.tb, err)
	return g
}

// Workspace makes a workspace of the Owner in the default region.
func (d *Daemon) Workspace(name string) workspace.Workspace {
	d.tb.Helper()
	w, err := d.Workspaces.Create(d.ctx, Owner, "", workspace.Workspace{Name: name})
	Must(d.tb, err)
	return w
}

// Spec is a specification that passes, to be published, with a package whose version tells recipes apart.
func Spec(name string, g resourcegroup.ResourceGroup, version string) imagedomain.Spec {
	return imagedomain.Spec{
		Name: name, Visibility: imagedomain.VisibilityPrivate, TaskTypes: []tasktype.Type{tasktype.Shell},
		Recipe: recipe.Recipe{
			Base:     recipe.Base{Official: "dataworks_pyodps_task_pod"},
			Packages: []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{"jieba==" + version}}},
		},
		Test: imagedomain.Test{ResourceGroupID: g.ID, Commands: []string{"python3 -c 'import jieba'"}, CU: 0.5}, Publish: true,
	}
}

// Create makes an image of the Owner in the default region.
func (d *Daemon) Create(s imagedomain.Spec) imagedomain.Image {
	d.tb.Helper()
	return d.CreateIn("", s)
}

// CreateIn makes an image of the Owner in a region.
func (d *Daemon) CreateIn(region string, s imagedomain.Spec) imagedomain.Image {
	d.tb.Helper()
	i, err := d.Images.Create(d.ctx, image.CreateRequest{Owner: Owner, Region: region, Spec: s})
	Must(d.tb, err)
	return i
}

// Publish makes an image of the Owner and waits until it is published.
func (d *Daemon) Publish(s imagedomain.Spec) imagedomain.Image {
	d.tb.Helper()
	i := d.Create(s)
	d.Wait(i.ProcessID, processdomain.StateCompleted)
	return d.Image(i.ID)
}

// Update changes an image of the Owner.
func (d *Daemon) Update(id string, s imagedomain.Spec) imagedomain.Image {
	d.tb.Helper()
	i, err := d.Images.Update(d.ctx, image.UpdateRequest{Owner: Owner, ID: id, Spec: s})
	Must(d.tb, err)
	return i
}

// Image reads an image of the Owner.
func (d *Daemon) Image(id string) imagedomain.Image {
	d.tb.Helper()
	i, err := d.Images.Get(d.ctx, Owner, "", id)
	Must(d.tb, err)
	return i
}

// Tamper changes the stored recipe of an image's versions behind the daemon's back: the packages of Spec in version 1 become 666.
func (d *Daemon) Tamper(id string) {
	d.tb.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(d.Dir, "kiln.db")+"?_busy_timeout=10000")
	Must(d.tb, err)
	result, err := db.ExecContext(d.ctx, "UPDATE image_version SET recipe = replace(recipe, 'jieba==1', 'jieba==666') WHERE image_id = ?", id)
	Must(d.tb, errors.Join(err, db.Close()))
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		d.tb.Fatalf("%d versions of %s were changed: %v", n, id, err)
	}
}

// Bake makes the persistent build of the published version of an image.
func (d *Daemon) Bake(i imagedomain.Image) builddomain.Build {
	d.tb.Helper()
	b, err := d.Builds.Create(d.ctx, build.CreateRequest{
		Owner: Owner, ImageID: i.ID, ImageVersion: i.PublishedVersion, ResourceGroupID: i.Spec.Test.ResourceGroupID, CU: 0.5,
	})
	Must(d.tb, err)
	return b
}

// Build reads a persistent build of the Owner.
func (d *Daemon) Build(id string) builddomain.Build {
	d.tb.Helper()
	b, err := d.Builds.Get(d.ctx, Owner, id)
	Must(d.tb, err)
	return b
}

// Wait waits until a process of the Owner is final, and checks how it has ended.
func (d *Daemon) Wait(id string, want processdomain.State) process.View {
	d.tb.Helper()
	v, err := d.Runner.Wait(d.ctx, Owner, id)
	Must(d.tb, err)
	if v.State != want {
		d.tb.Fatalf("process %s is %s (%v), want %s", id, v.State, v.Problem, want)
	}
	return v
}

// Log reads the log of a process as it is now.
func (d *Daemon) Log(id string) (lines []processdomain.Line) {
	d.tb.Helper()
	Must(d.tb, d.Runner.Watch(d.ctx, Owner, process.WatchRequest{ID: id}, func(u process.Update) error {
		if u.Line != nil {
			lines = append(lines, *u.Line)
		}
		return nil
	}))
	return lines
}

// Upload stores the content of a file and gives its sum.
func (d *Daemon) Upload(content string) string {
	d.tb.Helper()
	sum := sha256.Sum256([]byte(content))
	_, err := d.Files.Save(d.ctx, hex.EncodeToString(sum[:]), strings.NewReader(content))
	Must(d.tb, err)
	return hex.EncodeToString(sum[:])
}

//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const rpmImage = "dataworks_shell_rpm_task_pod"

// rpms is a repository of rpm packages that are made from the files of Debian's: enough for an image with bash and yum. What
// belongs to no package of a name that matters is in filesystem.
type rpms struct {
	dir      string
	versions map[string]string // by name
}

// rpmNames are the packages by their names in rpm distributions, with those of Debian whose files they have.
var rpmNames = map[string]string{
	"bash": "bash", "ca-certificates": "ca-certificates", "coreutils": "coreutils", "procps-ng": "procps", "tzdata": "tzdata", "yum": "dnf",
}

// rpmVersion is that of what no distribution has.
const rpmVersion = "1.2.3"

// sharedRPMs makes the repository when the first test needs it. It is kept between runs, as root file systems are.
var sharedRPMs = sync.OnceValues(func() (*rpms, error) {
	r := &rpms{dir: filepath.Join(filepath.Dir(dir()), "cache", "rpms-1"), versions: map[string]string{}}
	if _, err := os.Stat(r.dir); errors.Is(err, fs.ErrNotExist) {
		if err := r.make(); err != nil {
			return nil, fmt.Errorf("make rpm repository: %w", err)
		}
	}
	found, err := filepath.Glob(filepath.Join(r.dir, "*.rpm"))
	for _, file := range found {
		part := strings.Split(filepath.Base(file), "-") // NAME-VERSION-RELEASE.ARCH.rpm
		r.versions[strings.Join(part[:len(part)-2], "-")] = part[len(part)-2]
	}
	return r, err
})

// make makes the packages in a directory of its own, which gets its name when it is whole.
func (r *rpms) make() error {
	work := dir("rpmbuild")
	root, out := filepath.Join(work, "root"), filepath.Join(work, "out")
	if err := errors.Join(os.MkdirAll(root, 0o755), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	git := `mkdir "$1/git" && cd "$1/git" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q download git && dpkg-deb -x git_*.deb . && ` +
		`dpkg-deb -f git_*.deb Version > version && rm git_*.deb && rm -rf usr/share`
	tar := filepath.Join(work, "root.tar")
	for _, argv := range [][]string{
		{
			"mmdebstrap", "--mode=unshare", "--variant=essential", "--include=dnf,rpm,ca-certificates,tzdata,procps",
			"--customize-hook=" + git, "bookworm", tar, "http://" + strings.TrimSuffix(mirror, ":80") + "/debian",
		},
		{"tar", "--extract", "--file=" + tar, "--directory=" + root, "--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./run/*"},
	} {
		if err := runTool(work, argv...); err != nil {
			return err
		}
	}
	spec, err := rpmSpec(work, root)
	if err != nil {
		return err
	}
	// As rpm distributions have it: the database in /var/lib, and yum beside dnf.
	err = errors.Join(
		os.WriteFile(filepath.Join(work, "kiln.spec"), []byte(spec), 0o644), os.MkdirAll(filepath.Join(root, "etc/rpm"), 0o755),
		os.WriteFile(filepath.Join(root, "etc/rpm/macros.dist"), []byte("%_dbpath /var/lib/rpm\n"), 0o644),
		os.Symlink("dnf-3", filepath.Join(root, "usr/bin/yum")),
		os.WriteFile(filepath.Join(root, "usr/bin/kiln-hello"), []byte("#!/bin/sh\necho hello\n"), 0o755),
	)
	if err != nil {
		return err
	}
	for _, argv := range [][]string{
		{"rpmbuild", "-bb", "--quiet", "--define=_topdir " + filepath.Join(work, "top"), "--define=_rpmdir " + out, filepath.Join(work, "kiln.spec")},
		{"createrepo_c", "--quiet", out},
	} {
		if err := runTool(work, argv...); err != nil {
			return err
		}
	}
	err = os.Rename(out, r.dir)
	if errors.Is(err, fs.ErrExist) {
		err = nil // another run was faster
	}
	return errors.Join(err, os.RemoveAll(work))
}

// runTool runs a program; what it has said is part of the error.
func runTool(work string, argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = work, append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin", "HOME="+work, "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", argv[0], err, out[max(0, len(out)-4096):])
	}
	return nil
}

// rpmSpec writes one file for rpmbuild that makes all packages, and the list of files of each.
func rpmSpec(work, root string) (string, error) {
	var spec strings.Builder
	spec.WriteString("%define debug_package %{nil}\n%define __os_install_post %{nil}\n%define _unpackaged_files_terminate_build 0\n" +
		"%define _binary_payload w1.gzdio\n%define _build_id_links none\n%define _rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm\n" +
		"Name: filesystem\nVersion: " + rpmVersion + "\nRelease: 1\nSummary: the rest\nLicense: various\nAutoReqProv: no\n" +
		"Provides: glibc-minimal-langpack\n%description\nThe rest.\n%install\ncp -al " + root + "/. %{buildroot}/\n" +
		"cp -a %{buildroot}/git/usr %{buildroot}/\n")
	add := func(name, version string, files []string) error {
		fmt.Fprintf(&spec, "%%package -n %s\nVersion: %s\nSummary: %s\nAutoReqProv: no\nRequires: filesystem\n%%description -n %s\n%s.\n%%files -n %s -f %s/%s.files\n%%defattr(-,root,root)\n",
			name, version, name, name, name, name, work, name)
		return os.WriteFile(filepath.Join(work, name+".files"), []byte("\""+strings.Join(files, "\"\n\"")+"\"\n"), 0o644)
	}
	taken := map[string]bool{"/usr/bin/yum": true, "/usr/bin/kiln-hello": true}
	for name, debian := range rpmNames {
		files, version, err := debianPackage(root, debian)
		if err != nil {
			return "", err
		}
		for _, file := range files {
			taken[file] = true
		}
		if name == "yum" {
			files = append(files, "/usr/bin/yum")
		}
		if err := add(name, version, files); err != nil {
			return "", err
		}
	}
	gitFiles, gitVersion, err := gitPackage(root)
	if err == nil {
		err = errors.Join(add("git", gitVersion, gitFiles), add("kiln-hello", rpmVersion, []string{"/usr/bin/kiln-hello"}))
	}
	if err != nil {
		return "", err
	}
	rest, err := others(root, taken)
	if err != nil {
		return "", err
	}
	spec.WriteString("%files -f " + work + "/filesystem.files\n%defattr(-,root,root)\n\"/etc/rpm/macros.dist\"\n")
	return spec.String(), os.WriteFile(filepath.Join(work, "filesystem.files"), []byte(strings.Join(rest, "\n")+"\n"), 0o644)
}

// debianPackage finds the files of an installed package of Debian where they really are, and its upstream version.
func debianPackage(root, name string) (files []string, version string, err error) {
	list, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/info", name+".list"))
	if err != nil {
		return nil, "", err
	}
	for line := range strings.Lines(string(list)) {
		file := merged(strings.TrimSpace(line))
		if info, err := os.Lstat(filepath.Join(root, file)); err == nil && !info.IsDir() {
			files = append(files, file)
		}
	}
	status, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	_, entry, _ := strings.Cut(string(status), "Package: "+name+"\n")
	_, entry, _ = strings.Cut(entry, "\nVersion: ")
	version, _, _ = strings.Cut(entry, "\n")
	return files, upstream(version), err
}

// merged is where Debian's merged directories really have a file.
func merged(file string) string {
	for _, top := range []string{"/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"} {
		if strings.HasPrefix(file, top) {
			return "/usr" + file
		}
	}
	return path.Clean(file)
}

// upstream leaves epoch and revision out.
func upstream(version string) string {
	if _, after, ok := strings.Cut(version, ":"); ok {
		version = after
	}
	if i := strings.LastIndex(version, "-"); i > 0 {
		version = version[:i]
	}
	return strings.TrimSpace(version)
}

func gitPackage(root string) (files []string, version string, err error) {
	text, err := os.ReadFile(filepath.Join(root, "git/version"))
	if err != nil {
		return nil, "", err
	}
	err = filepath.WalkDir(filepath.Join(root, "git/usr"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, filepath.Join(root, "git")))
		}
		return err
	})
	return files, upstream(string(text)), err
}

// others lists what no named package has, without what is Debian's own: its package manager is not to be there.
func others(root string, taken map[string]bool) (list []string, err error) {
	skip := []string{
		"/git", "/dev", "/proc", "/sys", "/run", "/tmp", "/boot", "/home", "/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/etc/apt", "/usr/share/doc",
		"/usr/share/man", "/usr/share/locale", "/usr/share/info", "/usr/lib/apt", "/etc/hostname", "/etc/resolv.conf",
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, root)
		switch {
		case err != nil || name == "":
			return err
		case slices.Contains(skip, name) && entry.IsDir(), entry.Name() == "__pycache__":
			return fs.SkipDir
		case slices.Contains(skip, name), taken[name], strings.HasPrefix(name, "/usr/bin/dpkg"), strings.HasPrefix(name, "/usr/bin/apt"):
		case entry.IsDir():
			list = append(list, "%dir \""+name+"\"")
		default:
			list = append(list, "\""+name+"\"")
		}
		return nil
	})
	return append(list, "%dir \"/git\""), err
}

// yumServer serves the repository on loopback and counts the packages that are fetched.
type yumServer struct {
	server *http.Server
	host   string

	mu      sync.Mutex
	fetched []string // names of files
}

func newYumServer(tb testing.TB, r *rpms) *yumServer {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String()) // an address of a listener is good
	s := &yumServer{host: "host.kiln.internal:" + port}
	files := http.FileServer(http.Dir(r.dir))
	s.server = &http.Server{ReadHeaderTimeout: soon, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, ".rpm") {
			s.mu.Lock()
			s.fetched = append(s.fetched, path.Base(req.URL.Path))
			s.mu.Unlock()
		}
		files.ServeHTTP(w, req)
	})}
	go func() { _ = s.server.Serve(l) }()
	tb.Cleanup(func() { _ = s.server.Close() })
	return s
}

// served says how many packages whose file names begin so were fetched.
func (s *yumServer) served(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(s.fetched), func(name string) bool { return !strings.HasPrefix(name, prefix) }))
}

// TestRPM makes the official image of rpm packages, and a custom one on it: from the index of the daemon's configuration, from
// one that an entry names, and with a script; nothing of an index stays in the image.
func TestRPM(t *testing.T) {
	t.Parallel()
	repository, err := sharedRPMs()
	if err != nil {
		t.Fatal(err)
	}
	base, configured, named := newYumServer(t, repository), newYumServer(t, repository), newYumServer(t, repository)
	d := ownDaemon(t, "rpm", fmt.Sprintf("package_index \"site\" {\n  type = \"yum\"\n  url = \"http://%s/\"\n}\n", configured.host),
		fmt.Sprintf("cache = %q\nrpm_mirror = \"http://%s/\"\n", dir("rpmcache"), base.host))
	git := "git-" + repository.versions["git"]
	packages := fmt.Sprintf(`packages = [
    { type = "yum", names = [%q] },
    { type = "yum", names = ["kiln-hello-%s-1"], index = "http://%s" },
    { type = "script", script = "git --version > /opt/versions; kiln-hello >> /opt/versions" },
  ]`, git, rpmVersion, named.host)
	test := fmt.Sprintf(`commands = [
      "git --version", "rpm -q %s kiln-hello", "! command -v apt-get dpkg", "test -z \"$(find /var/cache/dnf -type f)\"",
      "grep -F %s /etc/yum.repos.d/kiln.repo", "! grep -r -e %s -e %s /etc /var/lib /var/log/dnf.log",
    ]`, git, base.host, configured.host, named.host)
	w := d.workspace(t, mainTool(), surroundings("rpm", base.host, configured.host, named.host)+customImage("rpm", rpmImage, "shell", packages, test))
	w.apply(t)
	for _, want := range []struct {
		name   string
		server *yumServer
		prefix string
		count  int
	}{
		{"the mirror of the base", base, "bash-", 1},
		{"the mirror of the base", base, "git-", 0},
		{"the configured index", configured, git + "-", 1},
		{"the configured index", configured, "kiln-hello-", 0},
		{"the entry's index", named, "kiln-hello-", 1},
		{"the entry's index", named, "git-", 0},
	} {
		if got := want.server.served(want.prefix); got != want.count {
			t.Errorf("%s has served %d packages %s, want %d", want.name, got, want.prefix, want.count)
		}
	}
	said, err := d.kiln(t, "run", "rpm", "--", "cat", "/opt/versions")
	if want := fmt.Sprintf("git version %s\nhello\n", repository.versions["git"]); err != nil || said != want {
		t.Errorf("kiln run: %q, %v, want %q", said, err, want)
	}
	if list := w.attribute(t, imageAddress, "resolved_packages"); !strings.Contains(list, "kiln-hello") {
		t.Errorf("what was installed is not told: %s", list)
	}
	w.settled(t)
	w.write(t, surroundings("rpm", base.host, configured.host, named.host)+
		customImage("rpm", rpmImage, "shell", `packages = [{ type = "yum", names = ["git-0.0.1"] }]`, ""))
	there := "there are " + repository.versions["git"] + "-1"
	if found := w.applyFails(t); !strings.Contains(found.Summary, "PackageVersionGone") || !strings.Contains(found.Detail, there) {
		t.Errorf("a version that is not there: %+v", found)
	}
	w.destroy(t)
	t.Run("Locked", func(t *testing.T) { d.rpmLocked(t, base.host) })
}

// TestRPMWithoutRepository checks that what cannot be made is refused before anything is.
func TestRPMWithoutRepository(t *testing.T) {
	t.Parallel()
	d := daemon(t)
	w := d.workspace(t, mainTool(), surroundings("norpm")+customImage("norpm", rpmImage, "shell", "", ""))
	out, err := w.run(t, "plan", "-input=false", "-no-color")
	if err == nil || !strings.Contains(out, "Error: OfficialImageUnavailable") || !bytes.Contains([]byte(out), []byte("catalogue.rpm_mirror")) {
		t.Errorf("plan: %v\n%s", err, out)
	}
}

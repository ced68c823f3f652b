package engine_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/worker"
)

// connectScript tries to connect to each argument, HOST:PORT or @ABSTRACT, and prints how that went; whatever
// takes longer than 5 s is "slow".
const connectScript = `
use Socket; use Time::HiRes;
for my $target (@ARGV) {
	my ($s, $address, $start) = (undef, undef, Time::HiRes::time());
	if ($target =~ /^@(.*)/) {
		socket($s, AF_UNIX, SOCK_STREAM, 0); $address = pack_sockaddr_un("\0$1");
	} else {
		my ($host, $port) = $target =~ /^(.*):(\d+)$/;
		my $ip = inet_aton($host);
		if (!$ip) { print "$target unresolved\n"; next }
		socket($s, AF_INET, SOCK_STREAM, 0); $address = pack_sockaddr_in($port, $ip);
	}
	my $ok = eval { local $SIG{ALRM} = sub { die }; alarm 8; my $r = connect($s, $address); alarm 0; $r };
	my $how = $ok ? "open" : "closed";
	$how = "slow" if Time::HiRes::time() - $start > 5;
	print "$target $how\n";
}`

// connect runs connectScript in a container on a network and returns how each target answered.
func connect(t *testing.T, network worker.Network, targets ...string) map[string]string {
	t.Helper()
	job := worker.Job{Kind: worker.KindRun, Network: network, Run: &worker.Run{
		Image: base, Command: worker.Command{Name: "connect", Argv: append([]string{"perl", "-e", connectScript}, targets...)},
	}}
	result, r, err := execute(t, withBase(t), job)
	if err != nil || result.ExitCode != 0 {
		t.Fatalf("connect: exit code %d, %v: %s", result.ExitCode, err, r.text(worker.StreamStderr))
	}
	answers := map[string]string{}
	for line := range strings.Lines(r.text(worker.StreamStdout)) {
		target, how, _ := strings.Cut(strings.TrimSpace(line), " ")
		answers[target] = how
	}
	if len(answers) != len(targets) {
		t.Fatalf("%d answers of %d", len(answers), len(targets))
	}
	return answers
}

// hostListeners are a port on loopback and an abstract socket of the machine, as the daemon's could be.
func hostListeners(t *testing.T) (port int, abstract string) {
	t.Helper()
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	abstract = fmt.Sprintf("@kiln-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	unix, err := net.Listen("unix", abstract)
	if err != nil {
		t.Fatal(err)
	}
	for _, listener := range []net.Listener{tcp, unix} {
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_ = conn.Close()
			}
		}()
	}
	address, ok := tcp.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP address")
	}
	return address.Port, abstract
}

func TestEgress(t *testing.T) {
	t.Parallel()
	port, abstract := hostListeners(t)
	other, _ := hostListeners(t)
	mirror, err := mirrorNetwork()
	if err != nil {
		t.Fatal(err)
	}
	mirrorIP := mirror.Allow[0].Prefix.Addr().String()
	host := netip.MustParsePrefix(worker.HostAddress + "/32")
	hostPort, hostOther := fmt.Sprintf("%s:%d", worker.HostAddress, port), fmt.Sprintf("%s:%d", worker.HostAddress, other)
	named := fmt.Sprintf("%s:%d", worker.HostName, port)
	loopback := fmt.Sprintf("127.0.0.1:%d", port)
	const metadata, private, dns = "169.254.169.254:80", "10.255.255.53:53", "10.0.2.3:53"

	for name, test := range map[string]struct {
		network worker.Network
		open    []string
		closed  []string
	}{
		"None": {
			worker.Network{Egress: worker.EgressNone},
			nil,
			[]string{mirrorIP + ":80", hostPort, loopback, metadata, abstract},
		},
		"Restricted": {
			mirror,
			[]string{"deb.debian.org:80"},
			[]string{mirrorIP + ":81", hostPort, loopback, metadata, private, dns, abstract, "192.0.2.1:80"},
		},
		"RestrictedToEverythingIsNotTheHost": {
			worker.Network{Egress: worker.EgressRestricted, Allow: []worker.Allow{{Prefix: netip.MustParsePrefix("0.0.0.0/0")}}},
			[]string{mirrorIP + ":80"},
			[]string{hostPort, loopback, metadata, dns, abstract},
		},
		"HostPort": {
			worker.Network{
				Egress: worker.EgressRestricted, Allow: []worker.Allow{{Prefix: host, Port: uint16(port)}},
				Hosts: map[string]string{worker.HostName: worker.HostAddress},
			},
			[]string{hostPort, named},
			[]string{hostOther, loopback, mirrorIP + ":80", metadata, abstract},
		},
		"Public": {
			worker.Network{Egress: worker.EgressPublic},
			[]string{mirrorIP + ":80", "deb.debian.org:80"},
			[]string{hostPort, loopback, metadata, private, "192.168.0.1:80", "172.16.0.1:80", "100.64.0.1:80", "224.0.0.1:80", abstract},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := connect(t, test.network, append(append([]string{}, test.open...), test.closed...)...)
			for target, how := range answers {
				want := "closed"
				if slices.Contains(test.open, target) {
					want = "open"
				}
				if how != want {
					t.Errorf("%s is %q, want %s, at once", target, how, want)
				}
			}
		})
	}
}

func TestNameResolutionFailsFast(t *testing.T) {
	t.Parallel()
	mirror, err := mirrorNetwork()
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	answers := connect(t, mirror, "nothing.example.org:80")
	if answers["nothing.example.org:80"] != "unresolved" {
		t.Errorf("answers = %v", answers)
	}
	if took := time.Since(started); took > 6*time.Second {
		t.Errorf("an unknown name took %v", took)
	}
}

// TestSandboxed lets a step try what it must not be able to do.
func TestSandboxed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ script, want string }{
		"NoHostProcesses":        {`ls -d /proc/[0-9]* | wc -l | sed 's/^[1-6]$/few/'`, "few\n"},
		"NoDaemonSignal":         {fmt.Sprintf(`kill -9 %d 2>/dev/null && echo killed || echo refused`, os.Getpid()), "refused\n"},
		"NoNewPrivileges":        {`grep NoNewPrivs /proc/self/status`, "NoNewPrivs:\t1\n"},
		"Seccomp":                {`grep Seccomp: /proc/self/status`, "Seccomp:\t2\n"},
		"NoUserNamespace":        {`unshare --user true 2>/dev/null && echo made || echo refused`, "refused\n"},
		"NoUserNamespaceByClone": {`perl -e 'my $p = syscall(56, 0x10000011, 0, 0, 0, 0); print $p < 0 ? "refused\n" : "made\n" if $p'`, "refused\n"},
		"NoMount":                {`mount -t tmpfs tmpfs /mnt 2>/dev/null && echo mounted || echo refused`, "refused\n"},
		"NoKernelMemory":         {`cat /proc/kcore 2>/dev/null | head -c1 | wc -c`, "0\n"},
		"NoSysRq":                {`echo h 2>/dev/null > /proc/sysrq-trigger && echo written || echo refused`, "refused\n"},
		"NoKeyring":              {`perl -e 'print syscall(250, 0, -3, 1) < 0 ? "refused\n" : "open\n"'`, "refused\n"},
		"NoKernelCrypto":         {`perl -e 'print socket(S, 38, 5, 0) ? "open\n" : "refused\n"'`, "refused\n"},
		"NoVSock":                {`perl -e 'print socket(S, 40, 1, 0) ? "open\n" : "refused\n"'`, "refused\n"},
		"FileLimit":              {`ulimit -n`, "20000\n"},
		"ProcessLimit":           {`ulimit -u 2>/dev/null || bash -c 'ulimit -u'`, "4096\n"},
		"NoCoreDump":             {`ulimit -c`, "0\n"},
		"NoDaemonFiles":          {`ls -d /run/kiln 2>/dev/null || echo none`, "none\n"},
		"NoRules":                {`perl -e 'print socket(S, 16, 3, 12) && 0 || ""'; grep -q CapEff /proc/self/status && echo ok`, "ok\n"},
		"StandardInput":          {`cat | wc -c`, "0\n"},
		"SubordinateRoot":        {`tr -s ' ' < /proc/self/uid_map`, " 0 1 65535\n"},
		"CapabilitiesOnly":       {`grep CapEff /proc/self/status`, "CapEff:\t00000000800405fb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r, err := execute(t, withBase(t), shell(test.script))
			if err != nil {
				t.Fatal(err)
			}
			if got := r.text(worker.StreamStdout); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestOwner makes sure that what root in a container owns belongs to a subordinate id on the machine.
func TestOwner(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	marker := fmt.Sprintf("marker-%d", time.Now().UnixNano())
	job := worker.Job{Kind: worker.KindImage, Image: &worker.Image{
		Containerfile: "FROM " + base + "\nRUN touch /" + marker + "\n", Tag: "localhost/kiln/owner:1",
	}}
	if _, _, err := execute(t, e, job); err != nil {
		t.Fatal(err)
	}
	// Only a namespace with the same ids may look into the layers.
	find := exec.Command("unshare", "--user", "--map-root-user", "--map-auto", "find",
		filepath.Join(workDir(t), "state/shared/storage/overlay"), "-path", "*/diff/"+marker, "-printf", "%U")
	// Other tests make and remove directories meanwhile, which find reports as errors.
	out, err := find.Output()
	if string(out) != "1" {
		t.Errorf("owner inside the mapping is %q, %v; want 1, the first subordinate id", out, err)
	}
}

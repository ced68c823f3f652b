package explanation

import (
	"github.com/kilnhq/kiln/internal/domain/diagnosis"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// said is the problem of a step on a restricted network that has printed a line and failed.
func said(line string) problem.Problem {
	return diagnosis.Explain(diagnosis.Failure{
		Step: "RUN /home/tops/bin/pip3 install jieba==0.42.1", ExitCode: 1, Egress: network.EgressRestricted, Tail: []string{line},
	})
}

// work explains what processes fail of.
func work() []Entry {
	test := diagnosis.Explain(diagnosis.Failure{Step: "test.commands[0]: python3 -c 'import jieba'", Test: true, ExitCode: 1})
	public := diagnosis.Explain(diagnosis.Failure{
		Step: "RUN apt-get update", ExitCode: 100, Egress: network.EgressPublic, Tail: []string{"Could not resolve host: deb.debian.example"},
	})
	certificate, _ := diagnosis.Transfer("x509: certificate signed by unknown authority")
	list := []Entry{
		{problem.TestFailed, "A test command has failed.", runOnly, test},
		{problem.StepTimeout, "A step has taken longer than steps may.", runOnly, problem.Problem{
			Code: problem.StepTimeout, Value: "RUN make", Detail: "the step took longer than its limit",
			Remedy: "Make the step faster, or find out in the log what it waits for; standard input is closed.",
		}},
		{problem.PackageNotFound, "The index or mirror has no such package.", runOnly, said("E: Unable to locate package nosuchpackage")},
		{problem.PackageVersionGone, "The index or mirror had that version once, and does not have it any more.", runOnly, problem.Problem{
			Code: problem.PackageVersionGone, Field: "packages[0].names[0]", Value: "jieba==0.42.1", Limit: "0.41, 0.42",
			Remedy: "Pin a version that is there, or use an index that keeps old ones.",
		}},
		{problem.DependencyConflict, "What is installed does not agree with itself: `pip check` says so after the installation.", runOnly, problem.Problem{
			Code: problem.DependencyConflict, Field: "packages", Value: "pandas 1.5.3 has requirement numpy>=1.21, but you have numpy 1.19.5.",
			Limit: "packages that `pip check` accepts", Detail: "the installed packages contradict each other", Remedy: "Pin versions that go together.",
		}},
		{problem.BuildDrift, "The baking has installed other packages than the test.", runOnly, problem.Problem{
			Code: problem.BuildDrift, Field: "packages", Value: "jieba 0.42.1 -> 0.42.2", Limit: "what was tested",
			Remedy: "Pin what has moved; it makes a new version, which is tested.",
		}},
		{
			problem.PublicAccessRequired, "A network keeps packages from where they come from. The plan says so where it is certain; else the step " +
				"fails, and its log says it while the step still waits.",
			[]Phase{PhasePlan, PhaseApply, PhaseRun},
			said("Temporary failure resolving 'deb.debian.org'"),
		},
		{problem.NameResolutionFailed, "The name of a host is not known, though the network would let it pass.", runOnly, public},
		{problem.IndexTLSFailed, "The certificate of an index or mirror was not accepted.", runOnly, said("SSL certificate problem: self-signed certificate")},
		{problem.TLSUnknownAuthority, "The certificate of a registry was not accepted.", []Phase{PhasePlan, PhaseRun}, certificate},
		{problem.CertificateTimeInvalid, "A certificate is not valid yet, or not any more, by this machine's clock.", []Phase{PhasePlan, PhaseRun}, said("certificate has expired")},
		{
			problem.OpenSSLTooOld, "urllib3 2 needs a newer OpenSSL than the image's Python has. Where the catalogue says which one that is, " +
				"the plan warns.",
			[]Phase{PhasePlan, PhaseRun},
			said("ImportError: urllib3 v2 only supports OpenSSL 1.1.1+, currently the 'ssl' module is compiled with 'OpenSSL 1.0.2k-fips'"),
		},
		{problem.PipTooOld, "A package needs a newer pip.", runOnly, said("please upgrade pip")},
		{problem.InterpreterMismatch, "Compiled code of another version of Python.", runOnly, said("SystemError: unknown opcode")},
		{problem.ArchitectureNotSupported, "A program, or an image of a registry, of another architecture.", []Phase{PhasePlan, PhaseRun}, said("/opt/tool: cannot execute binary file: Exec format error")},
		{problem.BuildOutOfMemory, "The step has run out of memory.", runOnly, said("MemoryError")},
		{problem.InsufficientStorage, "The disk is full.", runOnly, said("No space left on device")},
		{problem.Unclassified, "A step has failed, and its log does not prove why. Nothing is guessed: the log's last lines come with it.", runOnly, said("boom")},
	}
	return append(list, transfers()...)
}

// transfers explains what happens to images, workers and processes.
func transfers() []Entry {
	const digest = "sha256:0123…"
	const rpm = "dataworks_shell_rpm_task_pod"
	_, unavailable := official.Resolve([]official.Image{{Name: rpm, Version: "20261122", Status: official.StatusUnavailable}}, rpm, "")
	return []Entry{
		{problem.CatalogBuildFailed, "An official image could not be made.", runOnly, problem.Problem{
			Code: problem.CatalogBuildFailed, Value: "dataworks_shell_task_pod", Remedy: "Check that the mirror of the daemon's configuration can be reached.",
		}},
		{
			problem.OfficialImageUnavailable,
			"An official image is not in the daemon's store, and the configuration does not say what to make it from, or making it anew did not help.",
			[]Phase{PhasePlan, PhaseApply, PhaseRun},
			made(problem.OfficialImageUnavailable, unavailable),
		},
		{problem.ImagePushFailed, "What was baked could not be pushed.", runOnly, problem.Problem{
			Code: problem.ImagePushFailed, Remedy: "Apply again; the log says what the registry answered.",
		}},
		{problem.ImagePullFailed, "An image could not be pulled.", runOnly, problem.Problem{
			Code: problem.ImagePullFailed, Remedy: "Apply again; the log says what the registry answered.",
		}},
		{problem.ArtifactMissing, "What was baked is neither in the daemon's store nor in its registry. Nothing is installed in its place.", runOnly, problem.Problem{
			Code: problem.ArtifactMissing, Value: digest, Detail: "neither the image store nor the registry has the baked image",
			Remedy: "Bake it again: terraform apply -replace of its kiln_persistent_build.",
		}},
		{problem.DigestMismatch, "What was pushed is not what is read back. It serves nobody.", runOnly, problem.Problem{
			Code: problem.DigestMismatch, Value: digest, Detail: "what was pushed cannot be read back", Remedy: "Apply again; check the daemon's disk.",
		}},
		{problem.Interrupted, "The daemon was stopped, or died, while the process ran.", runOnly, problem.Problem{
			Code: problem.Interrupted, Value: "proc-0000", Detail: "the daemon stopped while the process was running", Remedy: "Apply again to start anew.",
		}},
		{problem.Cancelled, "Somebody has cancelled the process. Its state is `cancelled`.", runOnly, problem.Problem{
			Code: problem.Cancelled, Detail: "the process was cancelled", Remedy: "Apply again to start anew.",
		}},
		{problem.Killed, "Something has killed the worker or the step, and nothing says what.", runOnly, problem.Problem{
			Code: problem.Killed, Detail: "the worker was killed", Remedy: "Apply again; if it happens again, the machine may be short of memory.",
		}},
	}
}

// machine explains what is wrong with the daemon or where it runs.
func machine() []Entry {
	return []Entry{
		{problem.DaemonUnavailable, "The daemon does not answer. It is said once for a plan, however many resources there are.", everywhere, problem.Problem{
			Code: problem.DaemonUnavailable, Value: "unix:///run/user/1000/kiln/kilnd.sock", Detail: "the daemon cannot be reached",
			Remedy: "Start it: kilnd serve.",
		}},
		{problem.RegistryUnreadable, "The embedded registry cannot say whether it has something. That is an error, and never taken for gone.", everywhere, problem.Problem{
			Code: problem.RegistryUnreadable, Value: "local/segmenter_000000@sha256:0123…",
			Detail: "whether the baked image is still in the registry cannot be told",
			Remedy: "Check the daemon's disk and the permissions below its data directory, and try again.",
		}},
		{problem.StateInUse, "Another daemon has the directory or the socket.", startOnly, problem.Problem{
			Code: problem.StateInUse, Field: "data_dir", Value: "/home/ci/.local/state/kiln", Limit: "one daemon a data directory",
			Detail: "process 4711 has it", Remedy: "Stop the other kilnd, or use another --data-dir.",
		}},
		{problem.AddressInUse, "Another program listens at an address that the daemon is to have.", startOnly, problem.Problem{
			Code: problem.AddressInUse, Field: "registry.listen", Value: "127.0.0.1:5380", Limit: "an address that nothing else listens at",
			Remedy: "Stop what listens there, or choose another port in the daemon's configuration.",
		}},
		{problem.SecretKeyInvalid, "The key of the stored passwords is damaged, or others can read it.", startOnly, problem.Problem{
			Code: problem.SecretKeyInvalid, Field: "data_dir", Value: "/home/ci/.local/state/kiln/secret.key", Limit: "a file of 32 bytes with mode 0600",
			Detail: "the key of the stored passwords is not as it was made: its mode is 0644: others may have read it",
			Remedy: "Restore it from a backup, or remove it: the passwords of registries are then asked for again.",
		}},
		{problem.SubIDMissing, "The user of the daemon has no range of subordinate ids.", startOnly, problem.Problem{
			Code: problem.SubIDMissing, Field: "user", Value: "ci", Limit: "65536 subordinate ids in one piece",
			Remedy: "Run `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ci`.",
		}},
		{problem.RuntimeIncompatible, "The OCI runtime is missing, or has known holes.", startOnly, problem.Problem{
			Code: problem.RuntimeIncompatible, Field: "runtime", Value: "runc 1.1.0", Limit: "runc 1.4.3 or newer",
			Remedy: "Use the runc that `make build` puts beside kilnd.",
		}},
		{problem.Internal, "A defect of Kiln. The answer tells nothing else; the daemon's log has the cause.", []Phase{PhaseApply, PhaseRun}, problem.Problem{
			Code: problem.Internal, Value: "request 0123", Detail: "internal error", Remedy: "The daemon's log has the cause under this request id.",
		}},
	}
}

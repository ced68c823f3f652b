package enginetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kilnhq/kiln/daemon/worker"
)

// Default returns the result of a job that nobody scripted. It depends on what the job asks for and not on its
// id, its credentials or its network, so that equal recipes have equal image ids and digests.
func Default(job worker.Job) worker.Result {
	switch job.Kind {
	case worker.KindBootstrap:
		return worker.Result{
			ImageID: sum("image", job.Bootstrap.Tag), SizeBytes: 200 << 20, Architecture: "amd64",
			Packages: []worker.Package{{Manager: "apt", Name: "bash", Version: "5.2.15-2+b8"}},
		}
	case worker.KindImage:
		result := worker.Result{
			SizeBytes: 210 << 20, Architecture: "amd64",
			Packages: []worker.Package{
				{Manager: "apt", Name: "bash", Version: "5.2.15-2+b8", Digest: sum("package", "bash")},
				{Manager: "pip", Name: "pip", Version: "23.0.1", Interpreter: "/usr/bin/python3.11", Digest: sum("package", "pip")},
			},
		}
		if job.Image.Check {
			result.Packages[0].Base = result.Packages[0].Version
		}
		if job.Image.Tag != "" {
			result.ImageID = sum("image", job.Image.Containerfile, canonical(job.Image.Files), canonical(job.Image.Labels))
		}
		return result
	case worker.KindPush:
		return worker.Result{Digest: "sha256:" + sum("manifest", job.Push.Image, repository(job.Push.Destination))}
	case worker.KindPull:
		return worker.Result{
			ImageID: sum("image", job.Pull.Source), Digest: pulled(job.Pull.Source), SizeBytes: 200 << 20, Architecture: "amd64",
		}
	case worker.KindProbe:
		return worker.Result{Facts: []worker.Fact{
			{Name: "uid map", OK: true, Detail: "65536 ids"},
			{Name: "native overlay", OK: true, Detail: "works"},
			{Name: "container", OK: true, Detail: "ran, exit code 0"},
		}}
	case worker.KindRun, worker.KindRemove, worker.KindSweep:
	}
	return worker.Result{}
}

// kept is the name under which a successful job leaves an image in the store.
func kept(job worker.Job) string {
	switch {
	case job.Bootstrap != nil:
		return job.Bootstrap.Tag
	case job.Image != nil:
		return job.Image.Tag
	case job.Pull != nil:
		return job.Pull.Tag
	}
	return ""
}

// steps are the steps that the real engine would announce, near enough.
func steps(job worker.Job) []worker.Step {
	var names []string
	if job.Image != nil {
		for line := range strings.Lines(job.Image.Containerfile) {
			word, _, _ := strings.Cut(line, " ")
			switch word {
			case "FROM", "ENV", "COPY", "ADD", "RUN", "WORKDIR", "USER", "LABEL":
				names = append(names, strings.TrimSpace(line))
			}
		}
		for _, command := range job.Image.Commands {
			names = append(names, command.Name)
		}
	}
	if job.Run != nil {
		names = append(names, job.Run.Command.Name)
	}
	list := make([]worker.Step, 0, len(names))
	for i, name := range names {
		list = append(list, worker.Step{Number: i + 1, Total: len(names), Name: name})
	}
	return list
}

// pulled is the digest in source, or one made from it.
func pulled(source string) string {
	if _, digest, ok := strings.Cut(source, "@"); ok {
		return digest
	}
	return "sha256:" + sum("manifest", source)
}

// repository is destination without its tag: a digest does not depend on the tag.
func repository(destination string) string {
	if i := strings.LastIndex(destination, ":"); i > strings.LastIndex(destination, "/") {
		return destination[:i]
	}
	return destination
}

func canonical(m map[string]string) string {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Sprint(m)
	}
	return string(text)
}

func sum(parts ...string) string {
	hash := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(hash[:])
}

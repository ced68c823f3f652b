package explanation

import (
	"strings"

	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

var (
	everywhere = []Phase{PhasePlan, PhaseApply}
	planOnly   = []Phase{PhasePlan}
	applyOnly  = []Phase{PhaseApply}
	runOnly    = []Phase{PhaseRun}
	startOnly  = []Phase{PhaseStart}
)

// wrong is a specification in which nearly everything is.
func wrong() error {
	return image.Spec{
		Name: "Segmenter", Visibility: "team", Test: image.Test{CU: 0.3},
		Recipe: recipe.Recipe{
			Packages: []pkgmanager.Entry{
				{Type: "pip3", Names: []string{"jieba==0.42.1"}},
				{Type: pkgmanager.Python3, Names: []string{"jieba; rm -rf /"}},
				{Type: pkgmanager.Script, Script: " "},
				{Type: pkgmanager.Script, Script: "\x00"},
				{Type: pkgmanager.Script, Script: "#" + strings.Repeat("x", pkgmanager.MaxScript)},
				{Type: pkgmanager.Apt},
				{Type: pkgmanager.Apt, Names: []string{"curl=1"}, Script: "true"},
			},
			Files: []recipe.File{{Target: "opt/dict.txt", Mode: "0644", SHA256: strings.Repeat("0", 64)}},
			Env:   map[string]string{"JIEBA DICT": "/opt/dict.txt"},
		},
	}.Validate().Err()
}

// values explains what is wrong with a name or a value by itself.
func values() []Entry {
	spec := wrong()
	_, _, importID := binding.ParseID("segmenter")
	group := resourcegroup.ResourceGroup{Name: "default", Type: resourcegroup.TypeServerless, NetworkID: "net-1", CU: 2, TimeZone: "Shanghai"}
	closed := network.Network{Name: "mirror", Egress: network.EgressRestricted, Allow: []string{"http://deb.debian.org"}}
	return []Entry{
		{problem.InvalidName, "The name has characters that names may not have, or is too long.", everywhere, made(problem.InvalidName, spec)},
		{problem.InvalidParameter, "A value is none of those that the attribute may have.", everywhere, made(problem.InvalidParameter, spec)},
		{problem.MissingRequired, "Something is not given without which nothing can be done.", everywhere, made(problem.MissingRequired, spec)},
		{
			problem.ConflictingAttribute, "Two attributes are given of which one excludes the other.", everywhere,
			made(problem.ConflictingAttribute, spec),
		},
		{problem.ExactlyOneSource, "An image needs a source, and one only.", planOnly, problem.Problem{
			Code: problem.ExactlyOneSource, Field: "source", Limit: "official", Detail: "the image has no source",
			Remedy: "Say what the image is based on: source = { official = { image = \"…\" } }.",
		}},
		{
			problem.InvalidAllowEntry, "An entry of a network's allow-list is not a host or an address range with a port.", everywhere,
			made(problem.InvalidAllowEntry, closed.Validate()),
		},
		{problem.InvalidTimeZone, "The time zone is in no database.", everywhere, made(problem.InvalidTimeZone, group.Validate())},
		{problem.InvalidCu, "The size is not one that work can have.", everywhere, made(problem.InvalidCu, spec)},
		{
			problem.InvalidRequirement, "The name of a package is not one. Names are never seen by a shell, so shell syntax has no meaning in them.",
			everywhere, made(problem.InvalidRequirement, spec),
		},
		{problem.InvalidPackageType, "There is no package manager of that name.", everywhere, made(problem.InvalidPackageType, spec)},
		{
			problem.PipIncompatible, "Python 2 cannot have a newer pip than the last one for it.", everywhere,
			made(problem.PipIncompatible, pkgmanager.Entry{Type: pkgmanager.Python2, Names: []string{"pip==23.0"}}.Validate("packages[0]")),
		},
		{problem.InvalidScript, "A script is not text.", everywhere, made(problem.InvalidScript, spec)},
		{problem.EmptyScript, "A script has nothing in it.", everywhere, made(problem.EmptyScript, spec)},
		{problem.ScriptTooLarge, "A script is too long for one; data belongs into `files`.", everywhere, made(problem.ScriptTooLarge, spec)},
		{problem.InvalidFile, "A file cannot be where it is to be, or is none.", everywhere, made(problem.InvalidFile, spec)},
		{problem.InvalidEnv, "An environment variable has a name or a value that none can have.", everywhere, made(problem.InvalidEnv, spec)},
		{problem.EmptyTaskTypes, "An image without task types could be used by nothing.", everywhere, made(problem.EmptyTaskTypes, spec)},
		{
			problem.TaskTypeNotSupported, "The source, or the official image, does not serve the task type.", everywhere,
			made(problem.TaskTypeNotSupported, image.Spec{TaskTypes: []tasktype.Type{tasktype.Notebook}}.Against(shell()).Err()),
		},
		{problem.InvalidImportID, "The id of an import has another form.", planOnly, made(problem.InvalidImportID, importID)},
		{
			problem.InvalidEndpoint, "A registry is not named as image references name one, or is where no network leads to.", everywhere,
			made(problem.InvalidEndpoint, registry.ValidateEndpoint("endpoint", "https://registry.internal:5000/team").Err()),
		},
		{
			problem.InvalidCertificate, "The certificates for a registry are none. What is there is never repeated: it may be a key.", everywhere,
			made(problem.InvalidCertificate, registry.Registry{CACert: "ca.pem"}.Validate().Err()),
		},
		{problem.UnknownRegion, "The daemon's configuration has no such region.", everywhere, problem.Problem{
			Code: problem.UnknownRegion, Field: "region", Value: "west", Limit: "local, east", Remedy: "Choose a region of the daemon's configuration.",
		}},
	}
}

func shell() official.Image {
	return official.Image{
		Name: "dataworks_shell_task_pod", Version: "20261101", Status: official.StatusReadOnly,
		TaskTypes: []tasktype.Type{tasktype.Shell}, Provides: []string{"apt"},
	}
}

// scripts explains what is found in packages and scripts.
func scripts() []Entry {
	r := recipe.Recipe{Packages: []pkgmanager.Entry{
		{Type: pkgmanager.Python3, Names: []string{"pandas"}},
		{Type: pkgmanager.Script, Script: strings.Join([]string{
			"curl -fsSL http://example.com/install.sh -o install.sh", "apt-get install curl=1", "pip3 install urllib3<2.0", "wget jieba",
			"export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLEKEY", "eval \"$INSTALL\"",
		}, "\n")},
	}}
	all := append(append(r.Validate(), r.Unpinned(nil)...), r.Risks()...).Err()
	return []Entry{
		{
			problem.UnpinnedPackage, "A package has no exact version, so that the same configuration gives another image tomorrow. By `version_pinning`.",
			everywhere, made(problem.UnpinnedPackage, all),
		},
		{
			problem.UnpinnedDownload, "What is downloaded is not checked against anything, or a repository has no commit. By `version_pinning`.", everywhere,
			made(problem.UnpinnedDownload, all),
		},
		{
			problem.NoCustomisation, "A custom image that adds nothing to its official one. A warning.", planOnly,
			made(problem.NoCustomisation, recipe.Recipe{}.Plain().Err()),
		},
		{problem.InsecureDownload, "Anyone on the way can change what is downloaded. A warning.", planOnly, made(problem.InsecureDownload, all)},
		{problem.InvalidDownloadURL, "What is to be downloaded is no URL.", everywhere, made(problem.InvalidDownloadURL, all)},
		{problem.InteractiveInstall, "The installer will ask, and there is nobody to answer. A warning.", planOnly, made(problem.InteractiveInstall, all)},
		{
			problem.UnquotedRedirection, "The shell takes `<` and `>` for redirections: the package is installed without its version, if at all.", everywhere,
			made(problem.UnquotedRedirection, all),
		},
		{problem.SecretInScript, "Whoever has the image has the secret. It is not repeated here. A warning.", planOnly, made(problem.SecretInScript, all)},
		{problem.CannotAnalyse, "What this line installs cannot be told. A warning.", planOnly, made(problem.CannotAnalyse, all)},
	}
}

package image

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/float64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

// defaultMode is the mode of a file that names none.
const defaultMode = "0644"

// Schema describes the attributes.
func (r *imageResource) Schema(ctx context.Context, _ framework.SchemaRequest, resp *framework.SchemaResponse) {
	attributes := computedAttributes()
	maps.Copy(attributes, map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "The name, unique among your images of the region: lower-case letters, digits and `_`, at most " +
				strconv.Itoa(name.MaxLength) + " characters. It can be changed in place. There is no " +
				"`create_before_destroy`: a replacement needs the name of what it replaces.",
		},
		"description": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(""),
			MarkdownDescription: "What the image is for, on one line of at most " + strconv.Itoa(name.MaxLength) + " characters. Default: empty.",
		},
		"visibility": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(domain.VisibilityPrivate)),
			MarkdownDescription: "Who is meant to see the image: " + quoted(domain.Visibilities) + ". It is recorded, and has no effect in this version: " +
				"an image is seen by its creator alone. Default: `" + string(domain.VisibilityPrivate) + "`.",
		},
		"task_types": schema.SetAttribute{
			ElementType: types.StringType, Required: true,
			MarkdownDescription: "The task types that the image serves, at least one: " + quoted(tasktype.Types) +
				". Its source must serve them too.",
		},
		"source":   sourceAttribute(),
		"packages": packagesAttribute(),
		"files":    filesAttribute(),
		"env": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Environment variables of the image, at most " + strconv.Itoa(recipe.MaxEnv) +
				". Names are letters, digits and `_`; values are one line, in which nothing is expanded. No place for secrets.",
		},
		"test": testAttribute(),
		"publish": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether a version is published once its test has succeeded. The published version is what is used; the " +
				"one before keeps serving until then. It cannot go back to `false`. Default: `true`.",
		},
		"timeouts": session.Timeouts(ctx, "the test and the publication"),
	})
	resp.Schema = schema.Schema{
		MarkdownDescription: "A custom image: a named recipe over an official image, or an image of a registry. Each recipe is an immutable version, known by its " +
			"input hash, that is tested and then published. A changed recipe makes a new version. A recipe that was published before " +
			"goes back to that version without building anything; one that failed its test, or was never published, gets a new version when " +
			"it comes back after another one. To bake a version into an image with a digest, use `kiln_persistent_build`.",
		Attributes: attributes,
	}
}

func sourceAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "What the image is based on. Required; exactly one kind of source.",
		Attributes: map[string]schema.Attribute{
			"official": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "An official image of the catalogue; `kiln_official_images` lists them.",
				Attributes: map[string]schema.Attribute{
					"image": schema.StringAttribute{
						Required: true, MarkdownDescription: "The name of the official image.",
					},
					"version": schema.StringAttribute{
						Optional: true, Computed: true,
						MarkdownDescription: "The version of the official image, a date as `YYYYMMDD`. Default: the newest one at the time of the " +
							"creation, or when `image` changes; after that it stays as it is, and `base_update_available` says when there is a newer one.",
					},
				},
			},
			"registry": registryAttribute(),
		},
	}
}

// registryAttribute is an image of somebody else's registry.
func registryAttribute() schema.Attribute {
	required := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Required: true, MarkdownDescription: description}
	}
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: fmt.Sprintf("An image of a `kiln_registry`, which is used as it is: without `packages` and `files`. It is for `linux/%s`, "+
			"of at most %d GiB packed and unpacked, has the data of the resource group's time zone (`tzdata`), and serves %s. It is pulled "+
			"anew on each run, by its digest; there is no persistent build of it.",
			registry.Architecture, registry.MaxSize>>30, quoted(tasktype.FromRegistry())),
		Attributes: map[string]schema.Attribute{
			"registry_id": required("The id of the registry, of the enterprise edition."),
			"network_id": required("The id of the one network that the image is pulled through: one that the registry is bound to. Resource " +
				"groups of this network, and of no other, use the image."),
			"repository": required("The repository, without the registry: `team/base`."),
			"tag": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "The tag, which is resolved to a digest when the image is created, and when registry, repository or tag " +
					"change. When it stands for another image later, the plan warns, and the image stays as it was. Either this or `digest`.",
			},
			"digest": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "The digest of the image, or of a list of images that has it: `sha256:HEX`. Either this or `tag`.",
			},
			"start_command": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "What starts a task's code: words, of which the first is a program of the image. Default: what the task type " +
					"takes, `bash` or `sh`, and `python3` or `python`. The test looks for the program; this version runs no tasks.",
			},
		},
	}
}

func packagesAttribute() schema.Attribute {
	return schema.ListNestedAttribute{
		Optional:            true,
		MarkdownDescription: "What to install, in this order, at most " + strconv.Itoa(recipe.MaxPackages) + " entries.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"type": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "How to install: " + quoted(pkgmanager.Types) + ". The base must have the package manager or the interpreter.",
			},
			"names": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Names of packages, at most " + strconv.Itoa(pkgmanager.MaxNames) + ", with the version that is meant: " +
					"`NAME=VERSION` with `apt`, `NAME-VERSION` or `NAME-VERSION-RELEASE` with `yum` (a number alone after the name takes a release, " +
					"as in `less-530-1.el8`), a requirement such as `pandas==1.5.3` with `python2` and `python3`. Not with `script`. Whether a " +
					"missing version is refused is the region's policy.",
			},
			"index": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "The base URL of a package index with `python2` and `python3`, or of a repository with `yum`; with `apt` " +
					"`URL SUITE COMPONENT...`, as in `https://mirror.internal/debian bookworm main`, signed by a key that the image trusts. Without " +
					"credentials. Default: that of the daemon's configuration, else the installer's own.",
			},
			"script": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "With `script`: shell commands, run by `bash -euo pipefail`, at most " +
					strconv.Itoa(pkgmanager.MaxScript/1024) + " KiB.",
			},
		}},
	}
}

func filesAttribute() schema.Attribute {
	return schema.ListNestedAttribute{
		Optional: true,
		MarkdownDescription: "Files and directories to put into the image before anything is installed, at most " + strconv.Itoa(recipe.MaxFiles) +
			". A file is known by its content: that its path on this machine changes, or its time, means nothing.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"source": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: fmt.Sprintf("Path of a regular file or of a directory on the machine that runs Terraform. Of a directory, all files "+
					"below it are taken with their permissions; symbolic links stay links and must lead to places inside; sockets, pipes and devices "+
					"are refused. At most %d MiB a file, and %d files and %d MiB in all directories. Either this or `content`.",
					recipe.MaxFileSize>>20, recipe.MaxTreeFiles, int64(recipe.MaxTreeSize)>>20),
			},
			"content": schema.StringAttribute{
				Optional: true, MarkdownDescription: "The content as text. Either this or `source`.",
			},
			"target": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "Absolute path in the image, outside of `/dev`, `/proc`, `/sys`, `/run` and `" + pkgmanager.ToolDir +
					"`, where scripts are put. Each path once. What a directory has goes below it.",
			},
			"mode": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "The permissions, as four octal digits from `0000` to `0777`. Default: `" + defaultMode + "`. Not with a directory.",
			},
			"ignore": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "With a directory: patterns of what to leave out, as in a `.gitignore`, for example `*.pyc`, `/build/` or " +
					"`!keep.pyc`; later ones win. They come after those of a file `" + ignoreFile + "` at the top of the directory, which itself is left out.",
			},
			"sha256": schema.StringAttribute{
				Computed: true,
				MarkdownDescription: "SHA-256 of the content when the plan was made, in hexadecimal digits; of a directory, of its paths, permissions, " +
					"contents and links.",
			},
			"entries": schema.MapAttribute{
				ElementType: types.StringType, Computed: true,
				MarkdownDescription: "Of a directory: what is in it, by path: permissions and SHA-256 of a file, `->` and what it says of a link.",
			},
		}},
	}
}

func testAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: "Where and how a version is tested. Another test is no new version, and does not test a version again that has passed.",
		Attributes: map[string]schema.Attribute{
			"resource_group_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The id of the resource group to test in, of the type `" + string(resourcegroup.TypeServerless) + "`.",
			},
			"commands": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Shell commands that must succeed, at most " + strconv.Itoa(domain.MaxTestCommands) +
					", each run by `/bin/sh -ec` in a container of its own. What every image of a task type must be able to run is tested anyway.",
			},
			"cu": schema.Float64Attribute{
				Optional: true, Computed: true, Default: float64default.StaticFloat64(resourcegroup.DefaultCU),
				MarkdownDescription: fmt.Sprintf("What the test takes, in CU, %g to %g in steps of %g; not more than the resource group has. Default: `%g`.",
					resourcegroup.MinCU, resourcegroup.MaxCU, resourcegroup.StepCU, resourcegroup.DefaultCU),
			},
		},
	}
}

func computedAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"id":                resource.ID(),
		"region":            resource.Region("image"),
		"version":           number("The current version, from 1."),
		"published_version": number("The version that is used; null while none was published."),
		"stage":             text("Where the current version stands: " + quoted(publicStages()) + ". `Unpublished` means tested, and not published."),
		"status":            text("Whether the image may be used: " + quoted(domain.Statuses) + ". It expires with the official image that it is based on."),
		"input_hash":        text("The hash of the recipe, as `sha256:HEX`. Equal hashes mean equal recipes."),
		"containerfile":     text("What is built, to the letter. Files are named by their hash."),
		"base_digest": text("The digest of the image of a registry; of an official image, the id in the daemon's store, null until it was used for " +
			"the first time."),
		"base_update_available": schema.BoolAttribute{
			Computed: true,
			MarkdownDescription: "Whether the catalogue has a newer version of the official image, which `source.official.version` may name; of an image " +
				"of a registry, whether its tag stands for another one by now.",
		},
		"resolved_packages": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "How the packages that the test found differ from those of the official image: what was added, has another version, or is gone. Null until the test.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"manager":      text("The package manager: `apt`, `pip` or `yum`."),
				"interpreter":  text("The path of the Python that has the package; null for those of the system."),
				"name":         text("The name of the package."),
				"version":      text("The version of the package; null when it was removed."),
				"base_version": text("Its version in the official image; null when that has none."),
			}},
		},
		"package_changes": schema.ListAttribute{
			Computed: true, ElementType: types.StringType,
			MarkdownDescription: "What the last change of the recipe has changed of the packages that it names, as the plan shows it: `~ pandas 1.5.3 -> 2.2.0`, `+ jieba 0.42.1`, `- six 1.16.0`. Null after a creation and an import.",
		},
		"size_bytes": number("The uncompressed size of the image in bytes; null until it was tested."),
		"process_id": text("The process of the current version's latest test, which is a job to `kiln logs`; null when there was none."),
	}
}

// publicStages lists the stages that a custom image shows.
func publicStages() []domain.Stage {
	var stages []domain.Stage
	for _, s := range domain.Stages {
		if s.Public() == s {
			stages = append(stages, s)
		}
	}
	return stages
}

func quoted[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = "`" + string(v) + "`"
	}
	return strings.Join(texts, ", ")
}

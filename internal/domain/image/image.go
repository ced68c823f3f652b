package image

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// Visibility says who may see a custom image.
type Visibility string

// The visibilities.
const (
	VisibilityPrivate Visibility = "private" // the creator only; the default
	VisibilityPublic  Visibility = "public"
)

// Visibilities lists the visibilities.
var Visibilities = []Visibility{VisibilityPrivate, VisibilityPublic}

// Spec is what a user says about a custom image. The recipe makes versions; the rest is metadata.
type Spec struct {
	Name        string
	Description string
	Visibility  Visibility
	TaskTypes   []tasktype.Type
	Recipe      recipe.Recipe
	Test        Test
	Publish     bool
}

// Test says where and how a version is tested before it may be published.
type Test struct {
	ResourceGroupID string
	Commands        []string // each run by /bin/sh -ec in a container of its own
	CU              float64
}

// Limits of a test and of a specification.
const (
	MaxTestCommands = 100
	MaxTestCommand  = 64 << 10  // bytes: a command becomes one argument of a shell, of which the kernel takes 128 KiB
	MaxSize         = 900 << 10 // bytes of all texts of a specification: with room to spare, what the daemon takes in a request
)

// Image is a custom image as the daemon keeps it.
type Image struct {
	ID               string
	Owner            string
	Region           string
	Spec             Spec // with the recipe of the current version
	CurrentVersion   int
	PublishedVersion int // 0: never published
	Stage            Stage
	InputHash        string
	Containerfile    string
	ProcessID        string // of the current version's latest test; empty when there was none
	Base             official.Image
	Packages         []official.Package // in the current version, known after its test
	SizeBytes        int64              // known after the test
	Generation       int64
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// Version is an immutable snapshot of an image's recipe.
type Version struct {
	ImageID   string
	Number    int // from 1
	InputHash string
	Recipe    recipe.Recipe
	Stage     Stage
	ProcessID string             // of its latest test
	Packages  []official.Package // known after its test
	SizeBytes int64
	TestedAt  time.Time // zero: not tested
	CreatedAt time.Time

	// From the history; empty where it is not told.
	CreatedBy   string
	PublishedAt time.Time // for the first time; zero: never, or before histories were kept
	PublishedBy string
}

// Validate checks what needs neither catalogue nor daemon.
func (s Spec) Validate() problem.List {
	found := name.Image("name", s.Name)
	found = append(found, name.Description("description", s.Description)...)
	if s.Visibility != VisibilityPrivate && s.Visibility != VisibilityPublic {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "visibility", Value: string(s.Visibility), Limit: "private, public",
			Remedy: "Choose one of the two.",
		})
	}
	found = append(found, ValidateTaskTypes(s.TaskTypes)...)
	found = append(found, s.forRegistry()...)
	found = append(found, s.Recipe.Validate()...)
	found = append(found, s.Test.Validate()...)
	return append(found, s.validateSize()...)
}

// Validate checks a test's commands and size.
func (t Test) Validate() problem.List {
	found := resourcegroup.ValidateCU("test.cu", t.CU)
	if len(t.Commands) > MaxTestCommands {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "test.commands", Value: strconv.Itoa(len(t.Commands)), Limit: strconv.Itoa(MaxTestCommands), Remedy: "Put several into one script.",
		})
	}
	for n, c := range t.Commands {
		if len(c) > MaxTestCommand {
			found = append(found, problem.Problem{
				Code: problem.InvalidParameter, Field: fmt.Sprintf("test.commands[%d]", n), Value: fmt.Sprintf("%d bytes", len(c)),
				Limit: fmt.Sprintf("%d bytes", MaxTestCommand), Remedy: "Put the script into files, and run it from there.",
			})
		} else if strings.TrimSpace(c) == "" || strings.ContainsRune(c, 0) {
			found = append(found, problem.Problem{
				Code: problem.InvalidParameter, Field: fmt.Sprintf("test.commands[%d]", n), Value: c, Limit: "shell commands without NUL",
				Remedy: "Remove the empty command, or what is no text in it.",
			})
		}
	}
	return found
}

// ValidateTaskTypes checks that there is at least one. Whether an image serves them, Against says.
func ValidateTaskTypes(types []tasktype.Type) problem.List {
	if len(types) == 0 {
		return problem.List{{
			Code: problem.EmptyTaskTypes, Field: "task_types", Limit: strings.Join(tasktype.Names(tasktype.Types), ", "),
			Remedy: "Say which task types the image is for.",
		}}
	}
	return nil
}

// Against checks a specification against the catalogue entry that it is based on.
func (s Spec) Against(base official.Image) problem.List {
	var found problem.List
	for _, t := range s.TaskTypes {
		if !tasktype.Supports(t, tasktype.SourceOfficial) || !slices.Contains(base.TaskTypes, t) {
			found = append(found, problem.Problem{
				Code: problem.TaskTypeNotSupported, Field: "task_types", Value: string(t),
				Limit:  strings.Join(tasktype.Names(base.TaskTypes), ", ") + " (official image " + base.Name + ")",
				Remedy: "Remove the task type, or choose an official image that serves it.",
			})
		}
	}
	return append(found, s.Recipe.Against(base)...)
}

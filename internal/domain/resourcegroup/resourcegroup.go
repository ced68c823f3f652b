// Package resourcegroup holds the rules of resource groups: where work runs.
package resourcegroup

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/reference"
)

// Type is the kind of a resource group; only serverless ones may use images.
type Type string

// The types.
const (
	TypeServerless         Type = "serverless"
	TypeExclusiveScheduler Type = "exclusive_scheduler"
)

// Types lists the types.
var Types = []Type{TypeServerless, TypeExclusiveScheduler}

// Status says whether a group accepts work; in this version a group is always Normal.
type Status string

// StatusNormal is the only status that runs work.
const StatusNormal Status = "Normal"

// Capacity: 1 CU is 1 vCPU and 4 GiB. Steps of a quarter, as in the platform's API.
const (
	MinCU  = 0.25
	MaxCU  = 64.0
	StepCU = 0.25
)

// DefaultCU is what a test or a build takes when nothing is said (the platform's default).
const DefaultCU = 0.5

// ResourceGroup has a capacity, exactly one network and a time zone.
type ResourceGroup struct {
	ID         string
	Owner      string
	Region     string
	Name       string
	Type       Type
	NetworkID  string
	CU         float64
	TimeZone   string
	Status     Status
	Generation int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

var zone = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)

// Validate checks what needs no store. That a zone exists is checked with the database linked into the binary.
func (g ResourceGroup) Validate() problem.List {
	found := name.General("name", g.Name)
	switch g.Type {
	case TypeServerless, TypeExclusiveScheduler:
	default:
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "type", Value: string(g.Type), Limit: "serverless, exclusive_scheduler",
			Remedy: "Only serverless groups may use images.",
		})
	}
	found = append(found, ValidateCU("cu", g.CU)...)
	if _, err := time.LoadLocation(g.TimeZone); err != nil || !zone.MatchString(g.TimeZone) || g.TimeZone == "Local" {
		found = append(found, problem.Problem{
			Code: problem.InvalidTimeZone, Field: "time_zone", Value: g.TimeZone, Limit: "a name of the IANA time zone database",
			Remedy: "Use a name such as Asia/Shanghai or UTC.",
		})
	}
	return found
}

// ValidateCU checks an amount of CU.
func ValidateCU(field string, cu float64) problem.List {
	if cu >= MinCU && cu <= MaxCU && math.Mod(cu, StepCU) == 0 {
		return nil
	}
	return problem.List{{
		Code: problem.InvalidCu, Field: field, Value: strconv.FormatFloat(cu, 'g', -1, 64), Limit: "0.25 to 64 in steps of 0.25",
		Remedy: "1 CU is 1 vCPU and 4 GiB of memory; choose a multiple of 0.25.",
	}}
}

// AdmitRegion checks that a group is of the region of the work that it is to run.
func (g ResourceGroup) AdmitRegion(field, region string) problem.List {
	return reference.AdmitRegion(field, reference.Target{Noun: "resource group", ID: g.ID, Region: g.Region}, region)
}

// Admit checks that a group may run image work of a size.
func (g ResourceGroup) Admit(field string, cu float64) problem.List {
	found := g.AdmitType(field)
	if cu > g.CU {
		found = append(found, problem.Problem{
			Code: problem.CuExceedsResourceGroup, Field: sibling(field, "cu"), Value: strconv.FormatFloat(cu, 'g', -1, 64),
			Limit:  strconv.FormatFloat(g.CU, 'g', -1, 64) + " (resource group " + g.Name + ")",
			Remedy: "Ask for less, or enlarge the resource group.",
		})
	}
	return found
}

// User is what runs in a group, as users name it, and how much it asks for.
type User struct {
	Name string
	CU   float64
}

// Outgrown names the users that ask for more than a group is going to have. That is to be warned of: what they run next is refused.
func (g ResourceGroup) Outgrown(users []User) problem.List {
	var names []string
	for _, u := range users {
		if u.CU > g.CU {
			names = append(names, u.Name+" ("+strconv.FormatFloat(u.CU, 'g', -1, 64)+")")
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return problem.List{{
		Code: problem.CuExceedsResourceGroup, Field: "cu", Value: strconv.FormatFloat(g.CU, 'g', -1, 64), Limit: "asked for by " + strings.Join(names, ", "),
		Detail: "what asks for more than the resource group has is refused when it runs next",
		Remedy: "Let these ask for less in the same plan, or keep the capacity.",
	}}
}

// AdmitType checks that a group may use images at all.
func (g ResourceGroup) AdmitType(field string) problem.List {
	if g.Type == TypeServerless {
		return nil
	}
	return problem.List{{
		Code: problem.ResourceGroupTypeNotSupported, Field: field, Value: g.Name + " (" + string(g.Type) + ")", Limit: string(TypeServerless),
		Remedy: "Images run on serverless resource groups only; older groups install dependencies with the operations assistant.",
	}}
}

func sibling(field, other string) string {
	if at := strings.LastIndexByte(field, '.'); at >= 0 {
		return field[:at+1] + other
	}
	return other
}

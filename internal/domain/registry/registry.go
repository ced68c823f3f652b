// Package registry holds the rules of registries as users declare them: where
// one is, what it may be used for, from which networks it is reached, and who
// asks. The registry that the daemon brings along is none of these.
package registry

import (
	"slices"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Edition is the edition of a registry instance. Images come from the enterprise edition only (the platform's own limit).
type Edition string

// The editions.
const (
	EditionPersonal   Edition = "personal"
	EditionEnterprise Edition = "enterprise"
)

// Editions lists the editions.
var Editions = []Edition{EditionPersonal, EditionEnterprise}

// Spec is the specification of an instance of the enterprise edition, smallest first.
type Spec string

// The specifications. From standard up, images can be copied to the engine's registry when they are published.
const (
	SpecBasic    Spec = "basic"
	SpecStandard Spec = "standard"
	SpecAdvanced Spec = "advanced"
)

// Specs lists the specifications.
var Specs = []Spec{SpecBasic, SpecStandard, SpecAdvanced}

// Registry is a registry of somebody else that images come from.
type Registry struct {
	ID         string
	Owner      string
	Region     string
	Name       string
	Endpoint   string // HOST[:PORT], as image references begin; credentials are for this one and no other
	Edition    Edition
	Spec       Spec     // empty: basic, or none for the personal edition
	NetworkIDs []string // the networks from which it is reached
	CACert     string   // PEM; empty: the machine's own authorities
	Insecure   bool     // plain HTTP
	Credential Credential
	Generation int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Validate checks what needs no store.
func (r Registry) Validate() problem.List {
	found := name.General("name", r.Name)
	found = append(found, ValidateEndpoint("endpoint", r.Endpoint)...)
	found = append(found, r.validateEdition()...)
	found = append(found, validateNetworks(r.NetworkIDs)...)
	found = append(found, r.Credential.Validate()...)
	if r.CACert == "" {
		return found
	}
	if r.Insecure {
		return append(found, problem.Problem{
			Code: problem.ConflictingAttribute, Field: "ca_cert", Value: "ca_cert", Limit: "insecure = false",
			Detail: "plain HTTP shows no certificate", Remedy: "Remove ca_cert, or insecure.",
		})
	}
	return append(found, validateCertificates("ca_cert", r.CACert)...)
}

func (r Registry) validateEdition() problem.List {
	if !slices.Contains(Editions, r.Edition) {
		return problem.List{{
			Code: problem.InvalidParameter, Field: "edition", Value: string(r.Edition), Limit: "personal, enterprise",
			Remedy: "Choose the edition of the instance; images come from the enterprise edition only.",
		}}
	}
	switch {
	case r.Spec == "":
		return nil
	case !slices.Contains(Specs, r.Spec):
		return problem.List{{
			Code: problem.InvalidParameter, Field: "spec", Value: string(r.Spec), Limit: "basic, standard, advanced",
			Remedy: "Choose the specification of the instance.",
		}}
	case r.Edition == EditionPersonal:
		return problem.List{{
			Code: problem.ConflictingAttribute, Field: "spec", Value: string(r.Spec), Limit: `edition = "enterprise"`,
			Detail: "the personal edition has no specifications", Remedy: "Remove spec, or set edition to enterprise.",
		}}
	}
	return nil
}

// Bound refuses a network that the registry is not bound to. Field names it.
func (r Registry) Bound(field, networkID string) problem.List {
	if slices.Contains(r.NetworkIDs, networkID) {
		return nil
	}
	return problem.List{{
		Code: problem.VpcNotBoundToRegistry, Field: field, Value: networkID, Limit: strings.Join(r.NetworkIDs, ", "),
		Detail: "registry " + r.Name + " is not bound to the network", Remedy: "Choose a network that the registry is bound to, or add this one to its network_ids.",
	}}
}

// Access is a registry, who asks it, and from where.
type Access struct {
	Registry Registry
	Password Secret            // empty: nobody is named
	Networks []network.Network // those through which it may be reached: what one of them opens is open
}

// Syncs says whether images of the registry can be copied to the engine's registry when they are published.
func (r Registry) Syncs() bool {
	return r.Edition == EditionEnterprise && (r.Spec == SpecStandard || r.Spec == SpecAdvanced)
}

func validateNetworks(ids []string) (found problem.List) {
	if len(ids) == 0 {
		return problem.List{{
			Code: problem.MissingRequired, Field: "network_ids", Limit: "one network or more",
			Detail: "a registry is reached from the networks that it is bound to, and from no other",
			Remedy: "Name the networks from which the registry is reached: network_ids = [kiln_network.NAME.id].",
		}}
	}
	for i, id := range ids {
		if id == "" || slices.Contains(ids[:i], id) {
			found = append(found, problem.Problem{
				Code: problem.InvalidParameter, Field: "network_ids", Value: id, Limit: "the id of a network, each once",
				Remedy: "Use the attribute id of a kiln_network.",
			})
		}
	}
	return found
}

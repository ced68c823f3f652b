package registry

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/registry"
)

type model struct {
	ID              types.String `tfsdk:"id"`
	Region          types.String `tfsdk:"region"`
	Name            types.String `tfsdk:"name"`
	Endpoint        types.String `tfsdk:"endpoint"`
	Edition         types.String `tfsdk:"edition"`
	Spec            types.String `tfsdk:"spec"`
	NetworkIDs      types.Set    `tfsdk:"network_ids"`
	CACert          types.String `tfsdk:"ca_cert"`
	Insecure        types.Bool   `tfsdk:"insecure"`
	Username        types.String `tfsdk:"username"`
	Password        types.String `tfsdk:"password_wo"`
	PasswordVersion types.Int64  `tfsdk:"password_wo_version"`
	PasswordFrom    types.Object `tfsdk:"password_from"`
	Credentials     types.String `tfsdk:"credentials"`
}

var referenceTypes = map[string]attr.Type{"file": types.StringType, "variable": types.StringType}

// domain is the registry without its password, which only the configuration has.
func (m model) domain() domain.Registry {
	r := domain.Registry{
		Region: m.Region.ValueString(), Name: m.Name.ValueString(), Endpoint: m.Endpoint.ValueString(),
		Edition: domain.Edition(m.Edition.ValueString()), Spec: domain.Spec(m.Spec.ValueString()), CACert: m.CACert.ValueString(),
		Insecure: m.Insecure.ValueBool(),
		Credential: domain.Credential{
			Username: m.Username.ValueString(), PasswordVersion: m.PasswordVersion.ValueInt64(),
			PasswordFrom: domain.Reference{File: text(m.PasswordFrom, "file"), Variable: text(m.PasswordFrom, "variable")},
		},
	}
	for _, element := range m.NetworkIDs.Elements() {
		if id, ok := element.(types.String); ok {
			r.NetworkIDs = append(r.NetworkIDs, id.ValueString())
		}
	}
	slices.Sort(r.NetworkIDs)
	return r
}

// validate judges what is known of a configuration, with something harmless in place of what is not.
func (m model) validate() problem.List {
	r := m.domain()
	if m.Name.IsUnknown() {
		r.Name = "unknown"
	}
	if m.Endpoint.IsUnknown() {
		r.Endpoint = "unknown.invalid"
	}
	if m.Edition.IsUnknown() {
		r.Edition = domain.EditionEnterprise
	}
	if m.NetworkIDs.IsUnknown() || slices.ContainsFunc(m.NetworkIDs.Elements(), attr.Value.IsUnknown) {
		r.NetworkIDs = []string{"unknown"}
	}
	if m.CACert.IsUnknown() || m.Insecure.IsUnknown() {
		r.CACert, r.Insecure = "", false
	}
	given, judged := m.credential()
	r.Credential = domain.Credential{}
	if judged {
		r.Credential = given
	}
	return append(r.Validate(), m.validatePassword()...)
}

// credential is the credential when all of it is known that decides whether its parts go together.
func (m model) credential() (c domain.Credential, known bool) {
	c = m.domain().Credential
	if m.Username.IsUnknown() {
		c.Username = "unknown"
	}
	if !m.Password.IsNull() && c.PasswordVersion == 0 {
		c.PasswordVersion = 1 // there is a password; what its version lacks is said beside this
	}
	return c, !m.PasswordVersion.IsUnknown() && !unknownReference(m.PasswordFrom) && (!m.Username.IsUnknown() || c.Wanted() != domain.StatusNone)
}

// validatePassword sees to it that there is a password with each version, and a version with each password.
func (m model) validatePassword() problem.List {
	has, versioned := !m.Password.IsNull(), !m.PasswordVersion.IsNull()
	switch {
	case has && !versioned:
		return problem.List{{
			Code: problem.MissingRequired, Field: "password_wo_version", Limit: "1 or more", Detail: "there is a password and no version of it",
			Remedy: "Set password_wo_version to 1, and raise it with each new password.",
		}}
	case versioned && m.PasswordVersion.ValueInt64() == 0 && !m.PasswordVersion.IsUnknown():
		return problem.List{{
			Code: problem.InvalidParameter, Field: "password_wo_version", Value: "0", Limit: "1 or more",
			Remedy: "Begin with 1, and raise it with each new password.",
		}}
	case versioned && !m.Password.IsUnknown():
		return domain.ValidatePassword(domain.Secret(m.Password.ValueString()))
	}
	return nil
}

// secret sends the password along where the daemon has none that would do: Terraform sees a new one by its version alone, and a
// stored one serves the endpoint, and the way to it, that it was given for.
func secret(config, prior model, r *domain.Registry) {
	same := prior.PasswordVersion.Equal(config.PasswordVersion) && prior.Endpoint.Equal(config.Endpoint) &&
		prior.Insecure.ValueBool() == config.Insecure.ValueBool() && prior.Credentials.ValueString() == string(domain.StatusStored)
	if !same && !config.PasswordVersion.IsNull() {
		r.Credential.Password = domain.Secret(config.Password.ValueString())
	}
}

// toModel maps a registry. What is not there stays as it was written, missing or empty.
func toModel(r domain.Registry, prior model) model {
	c := r.Credential
	networks := make([]attr.Value, len(r.NetworkIDs))
	for i, id := range r.NetworkIDs {
		networks[i] = types.StringValue(id)
	}
	m := model{
		ID: types.StringValue(r.ID), Region: types.StringValue(r.Region), Name: types.StringValue(r.Name),
		Endpoint: types.StringValue(r.Endpoint), Edition: types.StringValue(string(r.Edition)), Spec: optional(string(r.Spec), prior.Spec),
		NetworkIDs: types.SetValueMust(types.StringType, networks), CACert: optional(r.CACert, prior.CACert),
		Insecure: types.BoolValue(r.Insecure), Username: optional(c.Username, prior.Username), Password: types.StringNull(),
		PasswordVersion: types.Int64Null(), PasswordFrom: types.ObjectNull(referenceTypes), Credentials: types.StringValue(string(c.Status)),
	}
	if c.PasswordVersion != 0 {
		m.PasswordVersion = types.Int64Value(c.PasswordVersion)
	}
	if c.PasswordFrom != (domain.Reference{}) || !prior.PasswordFrom.IsNull() {
		m.PasswordFrom = types.ObjectValueMust(referenceTypes, map[string]attr.Value{
			"file":     optional(c.PasswordFrom.File, inside(prior.PasswordFrom, "file")),
			"variable": optional(c.PasswordFrom.Variable, inside(prior.PasswordFrom, "variable")),
		})
	}
	return m
}

// differs says whether a registry is another place, or is asked in another way.
func (m model) differs(other model) bool {
	return !m.Endpoint.Equal(other.Endpoint) || !m.Edition.Equal(other.Edition) || !m.NetworkIDs.Equal(other.NetworkIDs) ||
		!m.CACert.Equal(other.CACert) || !m.Insecure.Equal(other.Insecure) || !m.Username.Equal(other.Username) ||
		!m.PasswordVersion.Equal(other.PasswordVersion) || !m.PasswordFrom.Equal(other.PasswordFrom) || !m.Credentials.Equal(other.Credentials)
}

// optional keeps an empty text null unless it was written as one.
func optional(value string, prior types.String) types.String {
	if value == "" && prior.IsNull() {
		return types.StringNull()
	}
	return types.StringValue(value)
}

func inside(of types.Object, name string) types.String {
	if value, ok := of.Attributes()[name].(types.String); ok {
		return value
	}
	return types.StringNull()
}

func text(of types.Object, name string) string { return inside(of, name).ValueString() }

func unknownReference(of types.Object) bool {
	return of.IsUnknown() || inside(of, "file").IsUnknown() || inside(of, "variable").IsUnknown()
}

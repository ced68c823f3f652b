package registry

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Status says what the daemon can say of a credential without showing it.
type Status string

// The statuses.
const (
	StatusNone       Status = "none"       // the registry is asked without credentials
	StatusStored     Status = "stored"     // the daemon keeps the password, encrypted
	StatusFile       Status = "file"       // the password is read from a file of the daemon's machine
	StatusVariable   Status = "variable"   // the password is read from the daemon's environment
	StatusUnreadable Status = "unreadable" // there is a password, and the daemon cannot read it
)

// The longest user name and password, in bytes.
const (
	maxUsername = 256
	maxPassword = 16 << 10
)

// VariablePrefix begins the names of the variables that credentials may come from: nothing else of the daemon's environment may.
const VariablePrefix = "KILN_SECRET_"

var variable = regexp.MustCompile(`^` + VariablePrefix + `[A-Z0-9_]{1,128}$`)

// Secret is a text that nothing prints. Its value is for those who convert it to a string on purpose.
type Secret string

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides the secret from JSON and everything like it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Credential says who asks a registry. Password goes to the daemon and never back: what is read has none.
type Credential struct {
	Username        string
	Password        Secret `json:"-"`
	PasswordVersion int64  // of the stored password; 0: none is stored
	PasswordFrom    Reference
	Status          Status `json:"-"` // the daemon says it
	Sealed          []byte `json:"-"` // the password as it is stored; it does not leave the daemon
}

// Reference names a password on the daemon's side: a file or a variable. The zero value names none.
type Reference struct {
	File     string // relative to the directory of secrets in the daemon's configuration
	Variable string // of the daemon's environment; begins with VariablePrefix
}

// Wanted is the status of a credential that can be read.
func (c Credential) Wanted() Status {
	switch {
	case c.PasswordVersion != 0:
		return StatusStored
	case c.PasswordFrom.File != "":
		return StatusFile
	case c.PasswordFrom.Variable != "":
		return StatusVariable
	}
	return StatusNone
}

// Validate checks a credential, without its password. Nothing that is refused is repeated: people put the password in the wrong place.
func (c Credential) Validate() (found problem.List) {
	found = append(found, c.validateUsername()...)
	if c.PasswordVersion < 0 {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "password_wo_version", Value: strconv.FormatInt(c.PasswordVersion, 10), Limit: "1 or more",
			Remedy: "Begin with 1, and raise it with each new password.",
		})
	}
	from := c.PasswordFrom
	switch {
	case from.File != "" && from.Variable != "":
		found = append(found, problem.Problem{
			Code: problem.ConflictingAttribute, Field: "password_from", Value: "variable", Limit: "file or variable",
			Detail: "both are given", Remedy: "Remove one of the two.",
		})
	case from != (Reference{}) && c.PasswordVersion != 0:
		found = append(found, problem.Problem{
			Code: problem.ConflictingAttribute, Field: "password_from", Value: "password_from", Limit: "password_wo or password_from",
			Detail: "both are given", Remedy: "Remove one of the two.",
		})
	}
	if from.File != "" && (!fs.ValidPath(from.File) || from.File == "." || strings.ContainsFunc(from.File, unicode.IsControl)) {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "password_from.file", Value: bytesOf(from.File),
			Limit:  "a path relative to the daemon's secrets_dir, without . and .. in it",
			Remedy: "Put the file into the directory that secrets_dir of the daemon's configuration names, and name it from there.",
		})
	}
	if from.Variable != "" && !variable.MatchString(from.Variable) {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "password_from.variable", Value: bytesOf(from.Variable),
			Limit:  VariablePrefix + " and then capital letters, digits and _",
			Remedy: "Give the daemon the password in a variable of such a name; it reads no other.",
		})
	}
	return found
}

// bytesOf says of a text how long it is.
func bytesOf(text string) string { return strconv.Itoa(len(text)) + " bytes" }

func (c Credential) validateUsername() problem.List {
	has := c.Wanted() != StatusNone
	switch {
	case c.Username == "" && has:
		return problem.List{{
			Code: problem.MissingRequired, Field: "username", Limit: "a user name with each password", Detail: "there is a password and no user name",
			Remedy: "Set username; registries that take tokens say which one goes with them.",
		}}
	case c.Username != "" && !has:
		return problem.List{{
			Code: problem.MissingRequired, Field: "password_wo", Limit: "a password with each user name",
			Detail: "there is a user name and no password",
			Remedy: "Set password_wo and password_wo_version, or password_from; without all of them the registry is asked anonymously.",
		}}
	case len(c.Username) > maxUsername || strings.ContainsFunc(c.Username, func(r rune) bool { return r == ':' || unicode.IsControl(r) }):
		return problem.List{{
			Code: problem.InvalidParameter, Field: "username", Value: bytesOf(c.Username), Limit: "at most 256 bytes, no colon and no control characters",
			Remedy: "Give the user name alone, without the password.",
		}}
	}
	return nil
}

// ValidatePassword checks a password that is to be stored.
func ValidatePassword(password Secret) problem.List {
	p := problem.Problem{Code: problem.InvalidParameter, Field: "password_wo", Limit: "1 to " + strconv.Itoa(maxPassword) + " bytes"}
	switch {
	case password == "":
		p.Code, p.Detail, p.Remedy = problem.MissingRequired, "there is a version of a password and no password", "Set password_wo, too."
	case len(password) > maxPassword:
		p.Value, p.Remedy = strconv.Itoa(len(password))+" bytes", "Give the password alone."
	default:
		return nil
	}
	return problem.List{p}
}

// Keep takes a stored password over into a change that brings none, or refuses. A password serves the endpoint that it was given
// for: whoever may change a registry must not have it sent elsewhere.
func (r *Registry) Keep(old Registry) error {
	c, had := &r.Credential, old.Credential
	if c.PasswordVersion == 0 || len(c.Sealed) > 0 {
		return nil
	}
	p := problem.Problem{
		Code: problem.MissingRequired, Field: "password_wo", Limit: "the password, once more",
		Remedy: "Send the password along: a new password_wo_version does.",
	}
	switch {
	case had.PasswordVersion != c.PasswordVersion:
		p.Detail = "password_wo_version is another one, and there is no password"
	case old.Endpoint != r.Endpoint:
		p.Detail = "the stored password is for " + old.Endpoint + " and is sent nowhere else"
	case r.Insecure && !old.Insecure:
		p.Detail = "the stored password was given for a connection with TLS"
	default:
		c.Sealed = had.Sealed
		return nil
	}
	return p
}

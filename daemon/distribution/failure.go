package distribution

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// failure says why there was no answer.
func (s *session) failure(a ask, err error) error {
	if cause := context.Cause(s.ctx); errors.Is(cause, context.Canceled) {
		return cause
	}
	p := problem.Problem{
		Code: problem.RegistryUnreachable, Field: "endpoint", Value: s.access.Registry.Endpoint, Limit: "a registry that answers",
		Detail: "the registry cannot be reached: " + plain(err), Remedy: "Check the endpoint, and that the registry runs; then try again.",
	}
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case errors.Is(err, errClosed):
		p.Code, p.Detail = problem.RegistryUnreachableFromVpc, "no network that the registry is bound to lets a connection to "+a.url.Host+" through"
		p.Limit = strings.Join(networkNames(s.access), ", ")
		p.Remedy = "Add " + s.access.Registry.HostPort() + " to the allow-list of a network in network_ids, or bind the registry to one that reaches it."
	case isInvalid && invalid.Reason == x509.Expired:
		p.Code, p.Limit, p.Detail = problem.CertificateTimeInvalid, "a certificate of now", "the registry's certificate is not valid yet, or not any more"
		p.Remedy = "Renew the certificate, or set the clock of the daemon's machine."
	case untrusted(err):
		p.Code, p.Field, p.Limit = problem.TLSUnknownAuthority, "ca_cert", "a certificate for this host, by an authority that is known"
		p.Detail = "the registry's certificate is not accepted: " + plain(err)
		p.Remedy = "Set ca_cert to the certificate of the authority that has signed it; the host has to be among its names."
	case errors.As(err, new(tls.RecordHeaderError)) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return registry.BadAnswer(a.what, "it speaks no TLS: if it is to be plain HTTP, insecure = true says so")
	case errors.Is(err, context.DeadlineExceeded):
		p.Detail = "the registry takes too long to answer"
	}
	return p
}

func untrusted(err error) bool {
	return errors.As(err, new(x509.UnknownAuthorityError)) || errors.As(err, new(x509.HostnameError)) ||
		errors.As(err, new(x509.CertificateInvalidError)) || errors.As(err, new(*tls.CertificateVerificationError))
}

// plain is the end of an error's text, without the URL.
func plain(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return fmt.Sprintf("%.200s", err.Error())
		}
		err = inner
	}
}

func networkNames(a registry.Access) []string {
	names := make([]string, len(a.Networks))
	for i, n := range a.Networks {
		names[i] = n.Name
	}
	return names
}

// refusal says what an answer means that is none.
func refusal(access registry.Access, a ask, answer *http.Response) error {
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return denied(access, a, "it answers "+strconv.Itoa(status))
	case status == http.StatusNotFound:
		return problem.Problem{
			Code: problem.ManifestUnknown, Field: "reference", Value: a.what, Limit: "what the registry has", Detail: "the registry has nothing of that name",
			Remedy: "Check the repository and the tag; it may have been deleted, or be somebody else's to see.",
		}
	case status == http.StatusTooManyRequests:
		return problem.Problem{
			Code: problem.RegistryRateLimited, Field: "endpoint", Value: access.Registry.Endpoint, Limit: retryAfter(answer.Header.Get("Retry-After")),
			Detail: "the registry was asked too often", Remedy: "Try again later, or with credentials that may ask more often.",
		}
	case status >= 500:
		return problem.Problem{
			Code: problem.RegistryUnreachable, Field: "endpoint", Value: access.Registry.Endpoint, Limit: "a registry that answers",
			Detail: "the registry is out of order: it answers " + strconv.Itoa(status), Remedy: "Try again later.",
		}
	default:
		return registry.BadAnswer(a.what, "it answers %d", status)
	}
}

// retryAfter says in words how long to wait: seconds, or a date.
func retryAfter(text string) string {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return "again after " + (time.Duration(seconds) * time.Second).String()
	}
	if at, err := http.ParseTime(text); err == nil {
		return "again after " + at.UTC().Format(time.RFC3339)
	}
	return "fewer requests"
}

// denied is the refusal of credentials, or of none.
func denied(access registry.Access, a ask, detail string) error {
	user := access.Registry.Credential.Username
	if user == "" {
		user = "nobody"
	}
	return problem.Problem{
		Code: problem.RegistryAuthFailed, Field: "username", Value: user, Limit: "who may read " + a.what,
		Detail: "the registry does not let the user in: " + detail, Remedy: "Check username and password, and what the user may see there.",
	}
}

package distribution_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestRedirects: what lies at another host or port is fetched from there without credentials, and only where the network lets through.
func TestRedirects(t *testing.T) {
	t.Parallel()
	c := content{}
	c.image(t, "tag", "amd64")
	store := serve(t, func(w http.ResponseWriter, r *http.Request) {
		r.SetBasicAuth(user, password) // for the content's own check: what came is remembered before
		c.ServeHTTP(w, r)
	})
	front := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, "https://"+network.HostName+":"+store.port+r.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		c.ServeHTTP(w, r)
	})
	a := access(front.port, front.ca+store.ca)
	_, err := client().Resolve(t.Context(), a, "team/base", "tag")
	refused(t, err, problem.RegistryUnreachableFromVpc)
	if len(store.seen()) != 0 {
		t.Fatalf("the network lets nobody there, and it was asked %v", store.seen())
	}
	a.Networks[0].Allow = append(a.Networks[0].Allow, network.HostName+":"+store.port)
	if _, err := client().Resolve(t.Context(), a, "team/base", "tag"); err != nil {
		t.Fatal(err)
	}
	for _, asked := range store.seen() {
		if !strings.HasSuffix(asked, " ") {
			t.Errorf("the other host was shown %q", asked)
		}
	}
	if len(store.seen()) != 1 || !slices.ContainsFunc(front.seen(), func(asked string) bool { return strings.HasSuffix(asked, basic()) }) {
		t.Errorf("front = %v, store = %v", front.seen(), store.seen())
	}
}

// TestCredentialsAreAskedFor: nothing is sent before the registry asks, and what it does not know is sent once.
func TestCredentialsAreAskedFor(t *testing.T) {
	t.Parallel()
	open := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"tags":["a","b"]}`)) })
	tags, err := client().Tags(t.Context(), access(open.port, open.ca), "team/base")
	if err != nil || !slices.Equal(tags, []string{"a", "b"}) {
		t.Errorf("got %v, %v", tags, err)
	}
	closed := serve(t, content{}.ServeHTTP)
	a := access(closed.port, closed.ca)
	a.Password = "wrong"
	_, err = client().Tags(t.Context(), a, "team/base")
	refused(t, err, problem.RegistryAuthFailed)
	const path = "GET /v2/team/base/tags/list "
	wrong := path + "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":wrong"))
	if diff := cmp.Diff([]string{path}, open.seen()) + cmp.Diff([]string{path, wrong}, closed.seen()); diff != "" {
		t.Error(diff)
	}
}

// TestToken: a token service of the registry's own is asked with the password, and its token is shown to the registry alone.
func TestToken(t *testing.T) {
	t.Parallel()
	var own string
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch authorization := r.Header.Get("Authorization"); {
		case r.URL.Path == "/token" && authorization == basic() && r.URL.Query().Get("scope") == "repository:team/base:pull":
			_, _ = w.Write([]byte(`{"token":"t0ken"}`))
		case r.URL.Path == "/token":
			w.WriteHeader(http.StatusUnauthorized)
		case authorization == "Bearer t0ken":
			_, _ = w.Write([]byte(`{"tags":["a"]}`))
		default:
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",service="registry",scope="repository:team/base:pull"`, own))
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	own = network.HostName + ":" + f.port
	a := access(f.port, f.ca)
	tags, err := client().Tags(t.Context(), a, "team/base")
	if err != nil || !slices.Equal(tags, []string{"a"}) {
		t.Errorf("got %v, %v", tags, err)
	}
	a.Password = "wrong"
	_, err = client().Tags(t.Context(), a, "team/base")
	refused(t, err, problem.RegistryAuthFailed)
}

// TestTokenElsewhere: the password is not for a token service at another host or port, whoever names it.
func TestTokenElsewhere(t *testing.T) {
	t.Parallel()
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"token":"t0ken"}`)) })
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer t0ken" {
			_, _ = w.Write([]byte(`{"tags":["a"]}`))
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+network.HostName+":"+other.port+`/token"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	a := access(f.port, f.ca+other.ca)
	a.Networks[0].Allow = append(a.Networks[0].Allow, network.HostName+":"+other.port)
	_, err := client().Tags(t.Context(), a, "team/base")
	refused(t, err, problem.RegistryAuthFailed)
	if len(other.seen()) != 0 {
		t.Errorf("it was asked %v", other.seen())
	}
	a.Password, a.Registry.Credential.Username = "", ""
	if tags, err := client().Tags(t.Context(), a, "team/base"); err != nil || len(tags) != 1 {
		t.Errorf("nobody's token: got %v, %v", tags, err)
	}
}

// TestPages: a list is read to its end, never elsewhere, and has one.
func TestPages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first, link string
		want        []string
		code        problem.Code
	}{
		"One":       {`{"repositories":["a","team/b"]}`, "", []string{"a", "team/b"}, ""},
		"None":      {`{"repositories":[]}`, "", nil, ""},
		"Two":       {`{"repositories":["a"]}`, `</v2/_catalog?last=a>; rel="next"`, []string{"a", "z"}, ""},
		"Elsewhere": {`{"repositories":["a"]}`, `<https://attacker.internal/v2/_catalog?last=a>; rel="next"`, nil, problem.RegistryBadAnswer},
		"Another":   {`{"repositories":["a"]}`, `</token?last=a>; rel="next"`, nil, problem.RegistryBadAnswer},
		"NoLink":    {`{"repositories":["a"]}`, `next`, nil, problem.RegistryBadAnswer},
		"Endless":   {`{"repositories":["a"]}`, `</v2/_catalog?n=1>; rel="next"`, nil, problem.RegistryBadAnswer},
		"NoNames":   {`{"repositories":["\u001b[31mred"]}`, "", nil, problem.RegistryBadAnswer},
		"NoList":    {`{"tags":["a"]}`, "", nil, problem.RegistryBadAnswer},
		"NoJSON":    {`<html>`, "", nil, problem.RegistryBadAnswer},
		"Numbers":   {`{"repositories":[1]}`, "", nil, problem.RegistryBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("last") != "" {
					_, _ = w.Write([]byte(`{"repositories":["z"]}`))
					return
				}
				if tt.link != "" {
					w.Header().Set("Link", tt.link)
				}
				_, _ = w.Write([]byte(tt.first))
			})
			got, err := client().Repositories(t.Context(), access(f.port, f.ca))
			if tt.code != "" {
				refused(t, err, tt.code)
				return
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

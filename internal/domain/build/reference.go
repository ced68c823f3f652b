package build

import "strings"

// Reference is how clients name what was baked: HOST[:PORT]/REPOSITORY@DIGEST.
func Reference(host, repository, digest string) string { return host + "/" + repository + "@" + digest }

// SplitReference takes a reference apart. It is false for what Reference cannot have written: a part is missing, or contains what
// divides the parts.
func SplitReference(reference string) (host, repository, digest string, ok bool) {
	host, path, _ := strings.Cut(reference, "/")
	repository, digest, _ = strings.Cut(path, "@")
	if host == "" || repository == "" || digest == "" || strings.Contains(host, "@") || strings.ContainsAny(digest, "/@") {
		return "", "", "", false
	}
	return host, repository, digest, true
}

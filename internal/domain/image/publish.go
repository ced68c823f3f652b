package image

import "github.com/kilnhq/kiln/internal/domain/problem"

// AdmitPublish refuses publish = false for an image that was published; publishedVersion is 0 for one that never was.
func AdmitPublish(publishedVersion int, publish bool) problem.List {
	if publishedVersion == 0 || publish {
		return nil
	}
	return problem.List{{
		Code: problem.CannotUnpublish, Field: "publish", Value: "false", Limit: "true",
		Detail: "tasks may use the published version",
		Remedy: "Set publish = true. To begin anew with an unpublished image, mark this one to be replaced: terraform taint ADDRESS.",
	}}
}

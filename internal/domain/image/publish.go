package image

import (
	"strconv"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

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

// Intact refuses a version whose stored recipe is not the one that it was made of: a version never changes, so that only somebody who
// has written to the database can have done it. What is not intact is neither tested, published, baked nor run.
func (v Version) Intact() error {
	hash := v.Recipe.Hash()
	if hash == v.InputHash {
		return nil
	}
	return problem.Problem{
		Code: problem.RecipeTampered, Field: "version", Value: strconv.Itoa(v.Number), Limit: v.InputHash,
		Detail: "the stored recipe of the version was changed in the daemon's database: it has the hash " + hash,
		Remedy: "Restore the database from a backup, or change the recipe, which makes a new version; kiln rollback goes to another one.",
	}
}

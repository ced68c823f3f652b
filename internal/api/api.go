// Package api translates between the messages of the wire and the domain: one
// file a noun, one table of problem kinds and Connect codes. Generated types
// stop here. It must not know the services, the store or Terraform.
package api

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// timestamp leaves out a time that was never set, so that it comes back as the zero time and not as 1970.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func fromTimestamp(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func fromTexts[T ~string](values []string) []T {
	return each(values, func(v string) T { return T(v) })
}

func toTexts[T ~string](values []T) []string {
	return each(values, func(v T) string { return string(v) })
}

// each converts a list; an empty one becomes nil, as on the wire there is no difference.
func each[A, B any](values []A, convert func(A) B) []B {
	if len(values) == 0 {
		return nil
	}
	converted := make([]B, len(values))
	for i, v := range values {
		converted[i] = convert(v)
	}
	return converted
}

// valid replaces what is no UTF-8: output of other programs ends up in these texts, and protobuf refuses to send it.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

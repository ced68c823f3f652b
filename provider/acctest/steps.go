package acctest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// Run runs the steps of an acceptance test.
func Run(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: Factories(), Steps: steps})
}

// Words matches texts in this order, wherever Terraform has wrapped its lines.
func Words(texts ...string) *regexp.Regexp {
	patterns := make([]string, len(texts))
	for i, text := range texts {
		words := strings.Fields(text)
		for j, w := range words {
			words[j] = regexp.QuoteMeta(w)
		}
		patterns[i] = strings.Join(words, `[\s│|]+`)
	}
	return regexp.MustCompile(`(?s)` + strings.Join(patterns, `.*`))
}

// Refused is a step whose plan fails with these texts, in this order.
func Refused(config string, texts ...string) resource.TestStep {
	return resource.TestStep{Config: config, PlanOnly: true, ExpectError: Words(texts...)}
}

// Unchanged is a step that must plan nothing.
func Unchanged(config string) resource.TestStep {
	return resource.TestStep{Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{
		PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
	}}
}

// Planned is a step that must plan an action for a resource.
func Planned(config, address string, action plancheck.ResourceActionType, further ...plancheck.PlanCheck) resource.TestStep {
	return resource.TestStep{Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{
		PreApply: append([]plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}, further...),
	}}
}

// Attribute reads an attribute of a resource into a variable, for what happens between two steps.
func Attribute(address, key string, into *string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttrWith(address, key, func(value string) error {
		*into = value
		return nil
	})
}

// ImportID gives the attribute of a resource by which a step imports it.
func ImportID(address, key string) resource.ImportStateIdFunc {
	return func(s *terraform.State) (string, error) {
		return s.RootModule().Resources[address].Primary.Attributes[key], nil
	}
}

// Once is an error check of a test case that accepts an error in which a text stands exactly once. It counts in seen.
func Once(t *testing.T, text string, seen *int) resource.ErrorCheckFunc {
	t.Helper()
	return func(err error) error {
		if err == nil {
			return nil
		}
		if n := strings.Count(err.Error(), text); n != 1 {
			return fmt.Errorf("%q stands %d times, want once, in: %w", text, n, err)
		}
		*seen++
		return nil
	}
}

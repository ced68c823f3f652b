package terraform_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/provider/terraform"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		line string // words
		env  map[string]string
		want terraform.Call
	}{
		"Nothing":       {"", nil, terraform.Call{Parallelism: 10}},
		"Plan":          {"/usr/bin/terraform plan -out x", nil, terraform.Call{Parallelism: 10, Plans: true}},
		"Apply":         {"terraform apply plan", nil, terraform.Call{Parallelism: 10}},
		"Global":        {"terraform -chdir=plan apply", nil, terraform.Call{Parallelism: 10}},
		"GlobalPlan":    {"tofu -chdir=x plan", nil, terraform.Call{Parallelism: 10, Plans: true}},
		"Equals":        {"terraform-1.11 apply -parallelism=1", nil, terraform.Call{Parallelism: 1}},
		"TwoDashes":     {"terraform apply --parallelism=3", nil, terraform.Call{Parallelism: 3}},
		"TwoWords":      {"terraform apply -parallelism 2 plan", nil, terraform.Call{Parallelism: 2}},
		"Last":          {"terraform apply -parallelism=4 -parallelism=5", nil, terraform.Call{Parallelism: 5}},
		"Nonsense":      {"terraform apply -parallelism=x -parallelism=0", nil, terraform.Call{Parallelism: 10}},
		"Cut":           {"terraform apply -parallelism", nil, terraform.Call{Parallelism: 10}},
		"OfAVariable":   {"terraform apply -var parallelism=1", nil, terraform.Call{Parallelism: 10}},
		"Environment":   {"terraform plan", map[string]string{"TF_CLI_ARGS": "-no-color -parallelism=6"}, terraform.Call{Parallelism: 6, Plans: true}},
		"OfTheCommand":  {"terraform apply", map[string]string{"TF_CLI_ARGS_apply": "-parallelism=7", "TF_CLI_ARGS_plan": "-parallelism=8"}, terraform.Call{Parallelism: 7}},
		"LineCounts":    {"terraform apply -parallelism=9", map[string]string{"TF_CLI_ARGS": "-parallelism=1"}, terraform.Call{Parallelism: 9}},
		"SomethingElse": {"go plan -parallelism=1", nil, terraform.Call{Parallelism: 10}},
		"OtherSystem":   {"", map[string]string{"TF_CLI_ARGS": "-parallelism=1"}, terraform.Call{Parallelism: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			getenv := func(key string) string { return tt.env[key] }
			if got := terraform.Parse(strings.Fields(tt.line), getenv); got != tt.want {
				t.Errorf("Parse(%q) = %+v, want %+v", tt.line, got, tt.want)
			}
		})
	}
}

package provider

import (
	"context"
	"os"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// collectAt is the garbage collector's percentage, for a process that lives as long as a plan: it has a few MB, and states of
// hundreds of resources are garbage as soon as they were sent.
const collectAt = 400

// Serve serves the provider to the Terraform that has started this process, until that ends it. Version is what the provider
// says of itself; attach waits for a Terraform that is started afterwards, so that a debugger can be used.
func Serve(ctx context.Context, version string, attach bool) error {
	for name, value := range quiet(os.Environ()) {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	return providerserver.Serve(ctx, New(version), providerserver.ServeOpts{Address: Address, Debug: attach})
}

// quiet gives what to set so that the SDK traces nothing, unless the environment asks for any log: without one, Terraform reads
// all that and throws it away, which is a third of the time of a plan of hundreds of resources.
func quiet(environment []string) map[string]string {
	for _, variable := range environment {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "TF_LOG") && value != "" {
			return nil
		}
	}
	return map[string]string{"TF_LOG_SDK": "off"}
}

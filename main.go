// Command terraform-provider-kiln serves the Terraform provider, and nothing else.
package main

import (
	"context"
	"flag"
	"log"
	_ "time/tzdata" // time zones are checked in the plan, on machines that have no database of them too

	"github.com/kilnhq/kiln/provider"
)

// version is set when a release is linked.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "wait for Terraform to attach, so that a debugger can be used")
	flag.Parse()
	if err := provider.Serve(context.Background(), version, *debug); err != nil {
		log.Fatal(err)
	}
}

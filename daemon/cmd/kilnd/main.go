// Kilnd is the daemon that builds, tests, publishes and bakes custom images.
package main

import (
	"os"
	_ "time/tzdata" // zones are checked on machines that have no database of them, too

	"github.com/kilnhq/kiln/daemon/cmd/kilnd/command"
	"github.com/kilnhq/kiln/daemon/engine"
)

// version is set by the linker.
var version = "dev"

func main() {
	if engine.Reexec() {
		os.Exit(0)
	}
	os.Exit(command.Run(os.Args[1:], version))
}

// Command kiln is the client of operators and users: it shows images and
// jobs, follows logs, and runs commands in images.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/kilnhq/kiln/daemon/cmd/kiln/command"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(command.Run(ctx, command.Invocation{Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Version: version}))
}

package engine_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/kilnhq/kiln/daemon/worker"
)

// gate holds a command of a container until the test opens it.
type gate struct {
	port    uint16
	arrived chan net.Conn
	conn    net.Conn
}

func newGate(t *testing.T) *gate {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP address")
	}
	g := &gate{port: uint16(address.Port), arrived: make(chan net.Conn, 1)}
	go func() {
		if conn, err := listener.Accept(); err == nil {
			g.arrived <- conn
		}
	}()
	return g
}

// command arrives at the gate, waits there, and writes to its container's root when it is let through.
func (g *gate) command() worker.Command {
	script := fmt.Sprintf(`exec 3<>/dev/tcp/%s/%d; cat <&3; touch /through`, worker.HostAddress, g.port)
	return worker.Command{Name: "gate", Argv: []string{"/bin/bash", "-ec", script}}
}

// wait returns when the command is at the gate, and fails the test when its job ends before.
func (g *gate) wait(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case g.conn = <-g.arrived:
	case err := <-done:
		t.Fatalf("the job ended before the gate: %v", err)
	}
}

// open lets the command through.
func (g *gate) open() { _ = g.conn.Close() }

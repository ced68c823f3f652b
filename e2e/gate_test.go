//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// gate is where a step stops in its middle, until the test lets it go on.
type gate struct {
	listener net.Listener
	arrived  chan *visitor
}

// visitor is a step that waits at a gate.
type visitor struct {
	conn net.Conn
	said string
}

// newGate opens a gate on the loopback of the machine.
func newGate(t *testing.T) *gate {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: l, arrived: make(chan *visitor, 100)}
	t.Cleanup(func() {
		_ = l.Close()
		for len(g.arrived) > 0 {
			_ = (<-g.arrived).conn.Close()
		}
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil {
				_ = conn.Close()
				continue
			}
			g.arrived <- &visitor{conn, strings.TrimSpace(line)}
		}
	}()
	return g
}

func (g *gate) port() string {
	_, port, _ := net.SplitHostPort(g.listener.Addr().String()) // an address of a listener is good
	return port
}

// host is how a step names the gate, and a network has to allow it.
func (g *gate) host() string { return "host.kiln.internal:" + g.port() }

// script is bash that waits at the gate.
func (g *gate) script() string {
	return fmt.Sprintf("exec 3<>/dev/tcp/host.kiln.internal/%s\necho here >&3\nread -r answer <&3\n[[ $answer == go ]]\n", g.port())
}

// wait returns when a step has arrived; it waits from then on.
func (g *gate) wait(t *testing.T) *visitor {
	t.Helper()
	select {
	case v := <-g.arrived:
		t.Cleanup(func() { _ = v.conn.Close() })
		return v
	case <-time.After(later):
		t.Fatal("no step has arrived at the gate")
		return nil
	}
}

// pass lets the step go on.
func (v *visitor) pass(t *testing.T) {
	t.Helper()
	if _, err := v.conn.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	_ = v.conn.Close()
}

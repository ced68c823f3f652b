package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// printer writes lines that others have made up, and remembers the first error.
type printer struct {
	to       io.Writer
	terminal bool
	err      error
}

func newPrinter(to io.Writer) *printer {
	file, ok := to.(*os.File)
	return &printer{to: to, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

// line writes one line. What would steer a terminal is shown and not done.
func (p *printer) line(prefix, text string) {
	if p.terminal {
		text = escape(text)
	}
	if _, err := fmt.Fprintln(p.to, prefix+text); err != nil && p.err == nil {
		p.err = fmt.Errorf("write output: %w", err)
	}
}

// escape writes control characters other than tabs, and those that turn the direction of text, as \xNN or \uNNNN.
func escape(text string) string {
	if !strings.ContainsFunc(text, steers) {
		return text
	}
	var b strings.Builder
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1: // a byte that is no UTF-8
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case !steers(r) || r == utf8.RuneError:
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[n:]
	}
	return b.String()
}

// steers says whether a rune could do something to a terminal; what stands for a byte that is no UTF-8 could.
func steers(r rune) bool {
	return r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError
}

// The formats of lists.
const (
	formatTable = "table"
	formatJSON  = "json"
)

// listFlag adds the flag that chooses the format of a list.
func (a *app) listFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.format, "output", "o", formatTable, "the format: table or json")
}

// column is one column of a table of rows.
type column[T any] struct {
	title string
	cell  func(T) string
}

// list writes rows as a table or as JSON.
func list[T any](a *app, rows []T, columns []column[T]) error {
	switch a.format {
	case formatJSON:
		encoder := json.NewEncoder(a.out.to)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(append([]T{}, rows...)); err != nil {
			return fmt.Errorf("write list: %w", err)
		}
		return nil
	case formatTable:
		return table(a.out.to, rows, columns)
	}
	return exit{code: ExitUsage, err: fmt.Errorf("unknown output format %q: choose table or json", a.format)}
}

func table[T any](to io.Writer, rows []T, columns []column[T]) error {
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.title
	}
	_, err := fmt.Fprintln(w, strings.Join(cells, "\t"))
	for _, row := range rows {
		for i, c := range columns {
			cells[i] = orDash(escape(strings.ReplaceAll(c.cell(row), "\t", " ")))
		}
		_, rowErr := fmt.Fprintln(w, strings.Join(cells, "\t"))
		err = errors.Join(err, rowErr)
	}
	if err := errors.Join(err, w.Flush()); err != nil {
		return fmt.Errorf("write list: %w", err)
	}
	return nil
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// number leaves out a zero, which means none wherever it is shown.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// size writes bytes for people.
func size(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	value, units := float64(bytes)/1024, []string{"KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && value >= 1024 {
		value, units = value/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}

// age writes how long ago a time is, in its largest unit.
func age(now, then time.Time) string {
	if then.IsZero() {
		return ""
	}
	d := max(now.Sub(then), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// moment is a time in JSON, null when it was never set.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

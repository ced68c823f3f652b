package registry

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// expected are the library's codes of what a client asks to find out whether something is there: before each push, of each layer.
var expected = map[string]bool{"blob unknown": true, "manifest unknown": true, "name unknown": true}

// forwardLogs hands the library's errors to the daemon's log. The library logs every request through logrus's own global, so
// the registry that was opened last gets them all; a process has one.
func forwardLogs(log *slog.Logger) {
	logrus.SetLevel(logrus.ErrorLevel)
	logrus.SetOutput(io.Discard)
	hooks := logrus.LevelHooks{}
	hooks.Add(forward{log})
	logrus.StandardLogger().ReplaceHooks(hooks)
}

type forward struct{ log *slog.Logger }

// Levels are those of errors.
func (forward) Levels() []logrus.Level {
	return []logrus.Level{logrus.PanicLevel, logrus.FatalLevel, logrus.ErrorLevel}
}

// Fire logs one entry. That something is not there is an answer and no error.
func (f forward) Fire(e *logrus.Entry) error {
	code, level := fmt.Sprint(e.Data["err.code"]), slog.LevelError
	if expected[code] {
		level = slog.LevelDebug
	}
	ctx := e.Context
	if ctx == nil {
		ctx = context.Background()
	}
	f.log.LogAttrs(ctx, level, "registry error", slog.String("message", e.Message), slog.String("code", code),
		slog.Any("method", e.Data["http.request.method"]), slog.Any("uri", e.Data["http.request.uri"]), slog.Any("detail", e.Data["err.detail"]))
	return nil
}

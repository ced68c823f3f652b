package provider

import "testing"

// TestQuiet: the SDK traces when a log is asked for, of whatever part, and not otherwise.
func TestQuiet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environment []string
		quiet       bool
	}{
		{nil, true},
		{[]string{"HOME=/root", "TF_IN_AUTOMATION=1", "TF_LOG="}, true},
		{[]string{"TF_LOG=debug"}, false},
		{[]string{"TF_LOG_PROVIDER_KILN=info"}, false},
		{[]string{"TF_LOG_SDK=trace"}, false},
		{[]string{"TF_LOG_PATH=/tmp/log", "TF_LOG=trace"}, false},
	} {
		if got := quiet(tt.environment)["TF_LOG_SDK"] == "off"; got != tt.quiet {
			t.Errorf("%q: quiet is %v, want %v", tt.environment, got, tt.quiet)
		}
	}
}

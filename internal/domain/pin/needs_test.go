package pin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/pin"
)

// TestNeeds holds scripts that surely fail without a host, and many that may do without.
func TestNeeds(t *testing.T) {
	t.Parallel()
	const index = "-i https://mirror.internal/simple"
	for script, want := range map[string][]string{
		"pip install " + index + " pandas==1.5.3":                                        {"mirror.internal:443"},
		"set -x\npip3 install 'pandas==1.5.3' --index-url=http://10.8.0.3:8080/simple\n": {"10.8.0.3:8080"},
		"sudo -H python3 -m pip install " + index + " pandas==1.5.3":                     {"mirror.internal:443"},
		"/home/tops/bin/pip3 install -U " + index + " urllib3==1.26.16":                  {"mirror.internal:443"},
		"curl -fsSLo a.tgz https://a.io/a.tgz\ntar xf a.tgz":                             {"a.io:443"},
		"curl -o a https://a.io/a\nwget http://b.io/b":                                   {"a.io:443", "b.io:80"},
		"git clone git@g.io:o/r.git\ncd r":                                               {"g.io:22"},
		"mkdir -p /opt && cd /opt && wget https://a.io/a":                                {"a.io:443"},

		"":                                  nil,
		"\v":                                nil,
		"\u00a0":                            nil,
		"pip install " + index + " 'pandas": nil,
		"pip install pandas==1.5.3":         nil, // the index is that of the configuration
		"pip install " + index + " ./a.whl": nil,
		"pip install -f https://w.io a==1":  nil,
		"pip download " + index + " a==1":   nil,
		"pip install --no-index " + index + " a==1":                            nil,
		"pip install " + index + " --extra-index-url https://b.io/simple a==1": nil,
		"pip install --extra-index-url https://b.io/simple a==1":               nil,
		"pip install " + index + " a==1 || true":                               nil,
		"pip install " + index + " a==1 || pip install -i https://b.io/ a==1":  nil,
		"test -f x && wget https://a.io/a\ntrue":                               nil,
		"if true; then wget https://a.io/a; fi":                                nil,
		"for x in 1; do wget https://a.io/a; done":                             nil,
		"! wget https://a.io/a":                                                nil,
		"wget https://a.io/a &":                                                nil,
		"wget https://a.io/a | cat":                                            nil,
		"wget https://a.io/a > /dev/null":                                      nil,
		"(wget https://a.io/a)":                                                nil,
		"set +e\nwget https://a.io/a":                                          nil,
		"test -e /x || exit 0\nwget https://a.io/a":                            nil,
		"export https_proxy=http://p.internal:3128\nwget https://a.io/a":       nil,
		"echo 10.8.0.3 a.io >> /etc/hosts\nwget https://a.io/a":                nil,
		"wget() { true; }\nwget https://a.io/a":                                nil,
		"curl -X POST https://a.io/ https://b.io/":                             nil,
		"wget $URL\nwget http://localhost:1/x":                                 nil,
		"echo 'deb http://mirrors.aliyun.com/debian stable main' > /etc/apt/x": nil,
		"pip config set global.index-url https://c.io/\npip install a==1":      nil,
		"git remote add origin https://g.io/o/r.git":                           nil,
		"npm install --registry https://r.io a@1.0.0":                          nil,
		"cat <<EOF\nwget https://a.io/a\nEOF":                                  nil,
	} {
		if diff := cmp.Diff(want, pin.Needs(script, pin.Options{})); diff != "" {
			t.Errorf("%s: %s", script, diff)
		}
	}
}

package pin_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/pin"
)

// words are short, and each has cost somebody a parser.
var words = []string{
	"", "=", "==", "===", "@", "@@", "-", "--", "---", "-=", "--=", "''", `""`, `"$@"`, `"$*"`, "$1", "$x", "${x}", "$(y)", "`y`", "a==", "==a", "a=", "=a", "a@",
	"@a", "a@b@c", "@a/b@", "*", "?", "[", "[x]", "a[", "a[]", "a[x", "{a,b}", "{,}", ";", "';'", "','", "'~'", "'<'", "'>='", "<", ">", ">=", "<1.0", ">=1.0", "<<<x", "'!'", "!",
	"git+", "git+@", "git+://", "git+https://@/", "git+ssh://@", "://", "x://", "://x", "http://", "https://:@:/?#", "https://h:/a#&=", "'#'", "'a #'", "#", "-r", "-c", "-e", "-i",
	"-r=", "--index-url=", "--registry", "-C", "-b", "-p", "-o", "-O", "-f", "-m", "-", "+", "+x", ".", "..", "/", "//", "./", "~", ":", "::", "a:", ":a", "a::", "-v", "-1", "-.", "a-",
	"a-1", "a-1-1", "--1", "@npm:", "a@npm:", "github:", "#x", "'a b'", "' '", "'a;b'", "'a @ '", "'(a)'", "'a()'", "'a ( '", "说明", "\xff", "\x00", "\\", "'\\'", "%", "%s", ".x86_64",
	"-.x86_64", ".deb", ".rpm", ".apk", ".whl", "x{}", "'{}'", "-exec", "&", "|", "(", ")", "'('", "0", "v", "v1", "1.2.3", "1.2.3-", "origin/", "FETCH_HEAD", "\n", "\v", "\f", "\u00a0", "\u2028",
}

// cross puts the words behind each command and each of its verbs.
var cross = map[string][]string{
	"pip":             {"", "install", "download", "wheel", "uninstall", "config", "install -r", "install -c", "install -e", "install -i", "run", "sync"},
	"pipx":            {"install", "run", "inject", "upgrade", "run --spec"},
	"uvx":             {"", "--from", "--with"},
	"uv":              {"", "pip install", "pip sync", "add"},
	"pip-sync":        {""},
	"easy_install":    {""},
	"python3":         {"", "-m", "-c", "-m pip install", "get-pip.py", "-W"},
	"apt-get":         {"", "install -y", "install", "source", "download", "build-dep", "upgrade", "-o", "-t"},
	"apt":             {"install", "remove"},
	"yum":             {"", "install -y", "install", "groupinstall", "group install", "group", "module install", "update", "--repofrompath", "config-manager", "builddep"},
	"dnf":             {"install", "module"},
	"apk":             {"", "add", "add -t", "add --no-cache", "upgrade", "-X"},
	"rpm":             {"", "-i", "--import"},
	"dpkg":            {"-i"},
	"npm":             {"", "install", "install -g", "exec", "init", "config", "set", "audit", "update", "--registry"},
	"yarn":            {"", "add", "global add", "global", "dlx"},
	"pnpm":            {"", "add", "dlx"},
	"npx":             {"", "-p", "-c"},
	"conda":           {"", "install", "install -y", "create", "env", "env create", "run", "config --add", "-c", "--file"},
	"gem":             {"", "install", "install -v", "sources -a", "update"},
	"cargo":           {"", "install", "install --version", "install --git", "install --rev", "+nightly install"},
	"go":              {"", "install", "get", "run", "-C"},
	"bundle":          {"", "install"},
	"wget":            {"", "-O", "-i", "-P", "--header", "--spider"},
	"curl":            {"", "-o", "-O", "-X", "-u", "-H", "-K", "--url", "-d"},
	"aria2c":          {"", "-o", "--checksum"},
	"sha256sum":       {"", "-c"},
	"git":             {"", "clone", "-C", "checkout", "fetch", "fetch origin", "pull", "submodule", "submodule add", "archive --remote", "remote add", "reset", "switch"},
	"hg":              {"clone"},
	"svn":             {"co"},
	"docker":          {"login", "pull"},
	"mysql":           {"", "-p"},
	"redis-cli":       {"-a"},
	"awk":             {"", "-f", "-e"},
	"perl":            {"", "-e", "-M"},
	"node":            {"", "-e", "--eval"},
	"rsync":           {""},
	"poetry":          {"", "add"},
	"bash":            {"", "-c", "-o", "--rcfile", "-s"},
	"eval":            {""},
	"source":          {""},
	"su":              {"", "-c"},
	"trap":            {""},
	"alias":           {""},
	"xargs":           {"", "-I", "-I{}", "-n", "pip install"},
	"find":            {"", "-exec", "-exec pip install"},
	"cd":              {""},
	"echo":            {"", "-e"},
	"printf":          {""},
	"cat":             {""},
	"read":            {""},
	"sudo":            {"", "-u", "pip install"},
	"env":             {"", "-u", "-S"},
	"timeout":         {"", "-k"},
	"flock":           {""},
	"command":         {"", "-v"},
	"exec":            {"", "-a"},
	"export":          {"", "TOKEN="},
	"set":             {"", "--"},
	"unset":           {""},
	"shift":           {""},
	"./configure":     {""},
	"./x.sh":          {""},
	"$x":              {"", "install"},
	"":                {""},
	"pip install <":   {""},
	"for p in":        {""},
	"case":            {""},
	"[[":              {""},
	"((":              {""},
	"f() { \"$@\"; }": {"; f", "; f pip install"},
}

// crossed gives every script of one command.
func crossed(command string) []string {
	var all []string
	for _, verb := range cross[command] {
		head := strings.TrimSpace(command + " " + verb)
		for _, w := range words {
			all = append(all, head+" "+w, head+" a==1 "+w+" -- "+w+" > x")
		}
	}
	return all
}

// TestCross goes through all words in all places: nothing may end it, and whatever is found is a finding.
func TestCross(t *testing.T) {
	t.Parallel()
	for command := range cross {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			for _, script := range crossed(command) {
				within(t, script, pin.Script(script, pin.Options{}))
				pin.Needs(script, pin.Options{})
				if t.Failed() {
					t.Fatalf("%q", script)
				}
			}
		})
	}
}

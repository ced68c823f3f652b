package pin

import (
	"regexp"
	"slices"
	"strings"
)

// oneLiners gives the options after which interpreters take a program, other than Python's.
func oneLiners(name string) ([]string, bool) {
	options, ok := map[string]string{
		"perl": "-e -E", "ruby": "-e", "node": "-e --eval -p --print", "nodejs": "-e --eval -p --print", "php": "-r -B -R -E", "lua": "-e", "luajit": "-e",
	}[name]
	return strings.Fields(options), ok
}

var (
	// reaches finds what starts other programs, or opens connections, in programs of several languages.
	reaches = regexp.MustCompile("`|" + `\b(system|exec|qx|spawn|execSync|spawnSync|popen|proc_open|shell_exec|passthru|child_process|open3|LWP|HTTP|Net|` +
		`Socket|TCPSocket|CPAN|fetch|urlopen|curl_exec|curl_init|file_get_contents|fopen|copy|https?|ftp|io\.popen|require|install|download)\b`)
	awkText  = regexp.MustCompile(`"(\\.|[^"\\])*"`)
	awkRegex = regexp.MustCompile(`/(\\.|[^/\\\n])*/`)
)

// programFamily knows the interpreters of other languages, as far as one can tell whether a program stays on its own.
func (s *scan) programFamily(c command) bool {
	if slices.Contains([]string{"awk", "gawk", "mawk", "nawk"}, c.name) {
		s.awk(c)
		return true
	}
	options, ok := oneLiners(c.name)
	if !ok {
		return false
	}
	for i, a := range c.args {
		switch {
		case takesProgram(a.text, options) && i+1 < len(c.args):
			s.program(c.args[i+1], joined(c.args[:i+2]).text)
			return true
		case strings.HasPrefix(a.text, "--eval="):
			s.program(a, a.text)
			return true
		case a.text == "-" || !strings.HasPrefix(a.text, "-"):
			if a.text != "-" {
				s.unknown(a, "what this program installs or downloads cannot be known here", "Install packages by commands of their own.")
				return true
			}
		}
	}
	if !slices.ContainsFunc(c.args, func(f field) bool { return f.text != "-" }) {
		s.programInput(c)
	}
	return true
}

// takesProgram says that the next argument is a program. Letters may stand together, as in -lne.
func takesProgram(text string, options []string) bool {
	if slices.Contains(options, text) {
		return true
	}
	if strings.HasPrefix(text, "--") || len(text) < 3 || strings.ContainsAny(text[1:2], "MmI") { // modules and directories
		return false
	}
	return text[0] == '-' && slices.Contains(options, "-"+text[len(text)-1:])
}

// program reports a program that may start another one, or open a connection.
func (s *scan) program(f field, text string) {
	text = strings.ReplaceAll(text, "-M", "-M ") // the module is a word of its own, even if Perl does not want the space
	if strings.Contains(text, hole) || reaches.MatchString(text) {
		s.unknown(f, "this program may install or download something", "Install packages by commands of their own.")
	}
}

// programInput judges a program that comes in.
func (s *scan) programInput(c command) {
	switch {
	case c.flow.text != nil && c.flow.text.constant() && s.spend(0, len(c.flow.text.text), c.word.at):
		s.program(c.word, c.flow.text.text)
	case c.flow.piped && !slices.ContainsFunc(c.flow.from, downloads):
		s.unknown(c.word, "the program that comes in cannot be known before the script runs", "Put the program into a file.")
	}
}

// awk judges a program of awk: it can run others with system and with pipes, and one dialect can open connections.
func (s *scan) awk(c command) {
	a := grammar{valued: "-f --file -F --field-separator -v --assign -e --source -i --include -l --load -E --exec"}.parse(c.args)
	for _, f := range a.values("-f", "--file", "-E", "--exec", "-i", "--include", "-l", "--load") {
		s.unknown(f, "what this file holds is not known here", "Write the program into the script.")
	}
	programs := a.values("-e", "--source")
	if len(programs) == 0 && !a.has("-f", "--file", "-E", "--exec") {
		programs = a.words[:min(1, len(a.words))]
	}
	for _, f := range programs {
		// What stands in quotes or in a regular expression does nothing; what is left with a bar in it is a pipe.
		rest := awkRegex.ReplaceAllString(awkText.ReplaceAllString(f.text, `""`), "0")
		pipes := strings.Contains(strings.ReplaceAll(rest, "||", ""), "|")
		if pipes || strings.Contains(f.text, hole) || strings.Contains(f.text, "system") || strings.Contains(f.text, "/inet") {
			s.unknown(f, "this program may run others", "Write the commands into the script itself.")
		}
	}
}

// openFetchers are tools that bring files, and whose ways of pinning are not judged: the verbs that do it, or none when every use
// of them does. Those that copy on this machine, too, are asked for a remote place.
func openFetchers(name string) (verbs []string, remote, ok bool) {
	words, ok := map[string]string{
		"rsync": ":", "scp": ":", "sftp": "", "ftp": "", "lftp": "", "tftp": "", "ncftpget": "", "nc": "", "ncat": "", "netcat": "", "socat": "", "telnet": "",
		"ssh": "", "sshpass": "", "lwp-download": "", "lynx": "", "links": "", "w3m": "", "http": "", "https": "", "svn": "checkout co export update up",
		"bzr": "branch checkout", "cvs": "checkout co", "aws": "cp sync", "gsutil": "cp rsync", "gcloud": "cp", "rclone": "copy copyto sync", "ossutil": "cp sync",
		"ossutil64": "cp sync", "mc": "cp mirror", "azcopy": "copy sync", "docker": "pull run build", "podman": "pull run build", "skopeo": "copy",
		"oras": "pull", "gh": "download clone", "kaggle": "download", "huggingface-cli": "download", "hf": "download", "modelscope": "download",
		"youtube-dl": "", "yt-dlp": "",
	}[name]
	return strings.Fields(strings.Trim(words, ":")), words == ":", ok
}

// fetchFamily reports what brings files in ways that are not judged.
func (s *scan) fetchFamily(c command) bool {
	const remedy = "Use curl or wget and check the file with sha256sum -c, or put it into files."
	verbs, remote, ok := openFetchers(c.name)
	if !ok {
		return false
	}
	hit := func(f field) bool {
		switch {
		case remote:
			place, _, found := strings.Cut(f.text, ":")
			return !strings.HasPrefix(f.text, "-") && (strings.Contains(f.text, hole) || found && !strings.Contains(place, "/"))
		case len(verbs) == 0:
			return true
		}
		return slices.Contains(verbs, f.text)
	}
	if slices.ContainsFunc(c.args, hit) {
		s.unknown(c.word, "what "+c.name+" brings is not judged", remedy)
	}
	return true
}

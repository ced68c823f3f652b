package pin

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

var wgetGrammar = grammar{valued: "-O --output-document -o --output-file -a --append-output -P --directory-prefix -i --input-file -T --timeout " +
	"-t --tries -U --user-agent -e --execute -w --wait --header --user --password --http-user --http-password --ftp-user --ftp-password " +
	"--proxy-user --proxy-password --post-data --post-file --method --body-data --body-file --referer --ca-certificate --ca-directory " +
	"--certificate --private-key -l --level -A --accept -R --reject -D --domains -I -X -Q --quota --limit-rate --load-cookies " +
	"--save-cookies --waitretry --read-timeout --dns-timeout --connect-timeout --secure-protocol --progress -B --base --cut-dirs " +
	"--max-redirect --restrict-file-names --config --retry-on-http-error --checksum"}

var curlGrammar = grammar{valued: "-o --output -d --data --data-binary --data-raw --data-ascii --data-urlencode --json -H --header -X --request -u " +
	"--user -A --user-agent -e --referer -x --proxy -U --proxy-user -b --cookie -c --cookie-jar -m --max-time --connect-timeout --retry " +
	"--retry-delay --retry-max-time -T --upload-file -F --form -w --write-out -C --continue-at -r --range -K --config -E --cert --key " +
	"--cacert --capath --ciphers -Y --speed-limit -y --speed-time -z --time-cond --limit-rate --resolve --interface --output-dir --url " +
	"--proto --proto-redir --proto-default --tls-max --noproxy -D --dump-header --connect-to --dns-servers --max-redirs --max-filesize " +
	"--pass -t --telnet-option --stderr --trace --trace-ascii --unix-socket --socks5 --socks5-hostname --oauth2-bearer --preproxy -Q --quote"}

var ariaGrammar = grammar{valued: "-o --out -d --dir -x --max-connection-per-server -s --split -k --min-split-size -j -i --input-file -l --log " +
	"--checksum --header -U --user-agent -n -a -t --timeout"}

// download is something that was fetched; a later check may save it.
type download struct {
	order int
	issue issue
	file  string // last part of its path; empty when it is not a file
}

// check is a comparison with checksums that are written down.
type check struct {
	order int
	files []string
}

func downloads(name string) bool {
	return slices.Contains([]string{"wget", "curl", "aria2c", "axel", "fetch"}, name)
}

// downloadFamily knows what fetches files, and what checks them.
func (s *scan) downloadFamily(c command) bool {
	switch {
	case c.name == "wget":
		s.wget(c)
	case c.name == "curl":
		s.curl(c)
	case c.name == "aria2c" || c.name == "axel":
		s.aria(c)
	case strings.HasPrefix(c.name, "sha") && strings.HasSuffix(c.name, "sum") || c.name == "b2sum":
		s.checksum(c)
	default:
		return false
	}
	return true
}

func (s *scan) wget(c command) {
	a := wgetGrammar.parse(c.args)
	if a.has("--spider", "--version", "-V", "--help", "-h") || a.has("--post-data", "--post-file", "--body-data", "--body-file") {
		s.contacts(a)
		return
	}
	for _, f := range a.values("-i", "--input-file") {
		s.unknown(f, "the URLs in this file are not known here", "Write the URLs into the script.")
	}
	s.unchecked(a, "--no-check-certificate")
	output, named := a.last("-O", "--output-document")
	into := s.target(c, output.text)
	for _, w := range a.words {
		file := into
		if !named {
			file = s.remoteName(w.text)
		}
		s.fetch(c, w, file)
	}
}

func (s *scan) curl(c command) {
	a := curlGrammar.parse(c.args)
	a.words = append(a.words, a.values("--url")...)
	sends := a.has("-d", "--data", "--data-binary", "--data-raw", "--data-ascii", "--data-urlencode", "--json", "-F", "--form", "-T", "--upload-file", "-I", "--head")
	if method, ok := a.last("-X", "--request"); ok && !strings.EqualFold(method.text, "GET") {
		sends = true
	}
	if sends && !c.flow.runs {
		s.contacts(a)
		return
	}
	for _, f := range a.values("-K", "--config") {
		s.unknown(f, "the URLs in this file are not known here", "Write the URLs into the script.")
	}
	s.unchecked(a, "-k", "--insecure")
	outputs, named, rest := a.values("-o", "--output"), a.has("-O", "--remote-name", "--remote-name-all"), s.target(c, "-")
	for i, w := range a.words {
		file := rest
		switch {
		case i < len(outputs):
			file = s.target(c, outputs[i].text)
		case named:
			file = s.remoteName(w.text)
		}
		s.fetch(c, w, file)
	}
}

func (s *scan) aria(c command) {
	a := ariaGrammar.parse(c.args)
	if sum, ok := a.last("--checksum"); ok && strings.HasPrefix(sum.text, "sha-") && sum.constant() {
		s.contacts(a)
		return
	}
	for _, f := range a.values("-i", "--input-file") {
		s.unknown(f, "the URLs in this file are not known here", "Write the URLs into the script.")
	}
	output, named := a.last("-o", "--out")
	for _, w := range a.words {
		file := s.remoteName(w.text)
		if named {
			file = base(output.text)
		}
		s.fetch(c, w, file)
	}
}

// unchecked reports an option with which anybody may answer for the host.
func (s *scan) unchecked(a arguments, names ...string) {
	for _, o := range a.options {
		if !slices.Contains(names, o.name) {
			continue
		}
		s.report(issue{
			code: problem.InsecureDownload, kind: Risky, manager: URL, name: o.name, at: o.at.at, value: o.at.raw, limit: "certificates that are checked",
			detail: "anyone on the way can change what comes, for nobody looks whose certificate it is", remedy: "Remove " + o.name + "; put the authority's certificate into the image.",
		})
	}
}

// contacts notes where a request goes that brings no file.
func (s *scan) contacts(a arguments) {
	for _, w := range a.words {
		if at, ok := parseAddress(w.text); ok {
			s.host(at)
		}
	}
}

func (s *scan) remoteName(text string) string {
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "?")
	return path.Base(text)
}

// target gives the file that an output option, or else a redirection, names.
func (s *scan) target(c command, output string) string {
	if output != "-" && output != "/dev/stdout" {
		if output == "/dev/null" {
			return output
		}
		return base(output)
	}
	if c.stmt == nil {
		return ""
	}
	for _, r := range c.stmt.Redirs {
		if (r.Op == syntax.RdrOut || r.Op == syntax.RdrClob) && (r.N == nil || r.N.Value == "1") {
			return base(s.text(r.Word, c.in).text)
		}
	}
	return ""
}

// fetch judges one argument of wget or curl.
func (s *scan) fetch(c command, f field, file string) {
	text := f.text
	switch {
	case file == "/dev/null":
		if a, ok := parseAddress(text); ok {
			s.host(a)
		}
		return
	case !f.constant() && !strings.Contains(text, "://"):
		s.later(f, file, issue{
			code: problem.CannotAnalyse, kind: Unknown, manager: URL, at: f.at, value: f.raw, limit: "a URL, and sha256sum -c",
			detail: "what is downloaded cannot be known before the script runs", remedy: "Write the URL itself, or check the file with sha256sum -c.",
		})
		return
	case !strings.Contains(text, "://") && hostLike(text):
		text = "http://" + text
	}
	a, ok := parseAddress(text)
	if !ok || a.scheme != "file" && (!a.valid() || portOf(a.scheme) == "") {
		s.report(issue{
			code: problem.InvalidDownloadURL, kind: Wrong, manager: URL, at: f.at, value: f.raw, limit: "https://HOST/PATH",
			detail: c.name + " downloads URLs, and this is none",
			remedy: "Give a URL, as https://HOST/PATH; to install a package, use a package manager.",
		})
		return
	}
	s.download(f, text, file, c.flow.runs)
}

// hostLike says that text may begin with a host, so that wget and curl take it for a URL.
func hostLike(text string) bool {
	end := strings.IndexAny(text, "/?#")
	if end < 0 {
		end = len(text)
	}
	host, port, colon := strings.Cut(text[:end], ":")
	if host == "" || strings.HasPrefix(host, ".") || colon && (port == "" || strings.Trim(port, "0123456789") != "") {
		return false
	}
	return strings.Contains(host, ".") || host == "localhost" || colon || end < len(text)
}

// download notes that a URL is fetched into a file, or run at once.
func (s *scan) download(f field, text, file string, runs bool) {
	a, ok := parseAddress(text)
	if !ok || a.loopback() {
		return
	}
	s.insecure(f, text)
	i := issue{
		code: problem.UnpinnedDownload, kind: Unpinned, manager: URL, name: fileName(text), at: f.at, value: f.raw, limit: "sha256sum -c after the download",
		detail: "what is behind this URL may change",
		remedy: `Check the file before it is used: echo "CHECKSUM  ` + strings.ReplaceAll(cmp.Or(file, "FILE"), hole, "?") + `" | sha256sum -c -.`,
	}
	if runs {
		i.detail = "what is behind this URL is run unseen, and may change"
		i.remedy = "Download it into a file, check that with sha256sum -c, and run it then."
		file = ""
	}
	s.later(f, file, i)
}

// later keeps an issue until it is known whether the file is checked.
func (s *scan) later(f field, file string, i issue) {
	if len(s.downloads) >= maxIssues {
		s.exhaust(f.at)
		return
	}
	s.downloads = append(s.downloads, download{order: s.steps, issue: i, file: file})
}

// checksum notes the files that are compared with checksums in the script. Sums in a file that is not known count for nothing:
// it may have come the same way as what it is to check.
func (s *scan) checksum(c command) {
	a := grammar{valued: "-a --algorithm"}.parse(c.args)
	if !a.has("-c", "--check") || c.flow.lost {
		return
	}
	done := check{order: s.steps}
	if len(a.words) == 0 || a.words[0].text == "-" {
		if c.flow.text != nil {
			done.files = sums(c.flow.text.text)
		}
	}
	for _, w := range a.words {
		if content, ok := s.file(w.text, c.in); ok && s.spend(0, len(content), w.at) {
			done.files = append(done.files, sums(content)...)
		}
	}
	if len(done.files) > 0 {
		s.checks = append(s.checks, done)
	}
}

// sums gives the files for which a text holds whole checksums of a kind that cannot be forged.
func sums(text string) []string {
	var files []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && strongSum(words[0]):
			files = append(files, base(strings.TrimPrefix(words[1], "*")))
		case len(words) == 4 && words[2] == "=" && strongSum(words[3]):
			files = append(files, base(strings.Trim(words[1], "()")))
		}
	}
	return files
}

func strongSum(text string) bool {
	for _, length := range []int{56, 64, 96, 128} {
		if hexadecimal(text, length) {
			return true
		}
	}
	return false
}

// settle reports the downloads that were never checked and the clones that stayed on a branch.
func (s *scan) settle() {
	for _, d := range s.downloads {
		checked := d.file != "" && slices.ContainsFunc(s.checks, func(c check) bool {
			return c.order >= d.order && slices.Contains(c.files, d.file)
		})
		if !checked {
			s.report(d.issue)
		}
	}
	for _, c := range s.clones {
		if !c.settled {
			s.report(c.issue)
		}
	}
}

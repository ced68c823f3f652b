package pin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/pin"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestPosition(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"pip install a":                             "1:13",
		"\n\n  pip install -U \\\n    a":            "4:5",
		"# 說明\necho 說明; pip install a":              "2:22",
		"bash -c 'true\n pip install a'":            "2:14",
		"bash -c \"pip install a\"":                 "1:22",
		"cat <<'EOF' | bash\npip install a\nEOF":    "2:13",
		"bash <<EOF\nbash -c 'pip install a'\nEOF":  "2:22",
		"X=1\nbash -c \"pip install a$X\"":          "2:9",
		"P=a\npip install $P":                       "2:13",
		"f() { pip install \"$@\"; }\nf b==1 a":     "2:8",
		"for p in a; do\n  pip install $p; done":    "2:15",
		"pip install 'a":                            "1:13",
		"pip install b==1\npip install urllib3<2.0": "2:13",
		"wget git":            "1:6",
		"export TOKEN=abcdef": "1:14",
		"true; curl -s https://u:secret1@example.com | tee /dev/null": "1:15",
		"cat > r.txt <<EOF\nb==1\na\nEOF\npip install -r r.txt":       "5:16",
		"echo x # AKIAABCDEFGHIJKLMNOP":                               "1:10",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			found := pin.Script(script, pin.Options{})
			if len(found) == 0 {
				t.Fatal("nothing was found")
			}
			if got := fmt.Sprintf("%d:%d", found[0].Line, found[0].Column); got != want {
				t.Errorf("found at %s, want %s: %+v", got, want, found)
			}
		})
	}
}

// TestNameless checks that a word that names no package is named itself.
func TestNameless(t *testing.T) {
	t.Parallel()
	for word, value := range map[string]string{"=": "=", "@edge": "@edge", "'~'": "'~'", "''": "''", "'!'": "'!'"} {
		found := pin.Script("apk add "+word, pin.Options{})
		if len(found) != 1 || found[0].Kind != pin.Wrong || found[0].Manager != pin.Apk || found[0].Problem.Value != value || found[0].Problem.Limit != "NAME=VERSION" {
			t.Errorf("apk add %s: %+v", word, found)
		}
	}
}

func TestSuggestion(t *testing.T) {
	t.Parallel()
	options := pin.Options{Known: func(m pin.Manager, name string) string {
		return map[string]string{
			"pip pandas": "1.5.3", "apt git": "1:2.39.2-1.1", "yum git": "2.43.0-1.el8", "npm a": "1.2.3", "conda b": "1.0", "go x.org/y": "v1.0.0",
			"gem rails": "7.1.2", "cargo rg": "14.0.3",
		}[string(m)+" "+name]
	}}
	for script, want := range map[string]string{
		"pip install pandas":         "pandas==1.5.3",
		"pip install 'pandas[x]>=1'": "pandas[x]==1.5.3",
		"pip install numpy":          "numpy==VERSION",
		"apt-get install -y git":     "git=1:2.39.2-1.1",
		"yum install -y git":         "git-2.43.0-1.el8",
		"yum install -y 'git-2.*'":   "git-2.43.0-1.el8",
		"yum install -y @core":       "packages with versions",
		"uvx pandas@latest":          "pandas==1.5.3",
		"npx a":                      "a@1.2.3",
		"npm install a@latest":       "a@1.2.3",
		"conda install -y b":         "b==1.0",
		"go install x.org/y@latest":  "x.org/y@v1.0.0",
		"gem install rails":          "rails:7.1.2",
		"cargo install rg":           "rg@14.0.3",
	} {
		found := pin.Script(script, options)
		if len(found) != 1 || found[0].Problem.Limit != want || !strings.Contains(found[0].Problem.Remedy, want) || found[0].Kind != pin.Unpinned {
			t.Errorf("%s: %+v, want %s", script, found, want)
		}
	}
}

func TestFinding(t *testing.T) {
	t.Parallel()
	want := []pin.Finding{{
		Problem: problem.Problem{
			Code: problem.UnquotedRedirection, Value: "urllib3<2.0", Limit: "'urllib3<2.0'",
			Detail: "line 1, column 13: the shell takes < for a redirection: the command reads its input from the file 2.0",
			Remedy: "Put it into quotes: 'urllib3<2.0', or better name one version.",
		},
		Kind: pin.Wrong, Manager: pin.Pip, Name: "urllib3", Line: 1, Column: 13,
	}}
	if diff := cmp.Diff(want, pin.Script("pip install urllib3<2.0", pin.Options{})); diff != "" {
		t.Error(diff)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	options := pin.Options{
		Env: map[string]string{"V": "1.5.3"},
		File: func(path string) (string, bool) {
			content, ok := map[string]string{
				"r.txt": "-r more.txt\npandas==1.5.3\n", "more.txt": "numpy\n", "loop.txt": "-r loop.txt", "c.txt": "Py_Yaml==6.0\n",
				"./i.sh": "pip install a\n",
			}[path]
			return content, ok
		},
	}
	for script, want := range map[string][]string{
		"pip install pandas==$V":            nil,
		"pip install pandas==${V:-2}":       nil,
		"V=2; V=3; pip install a==$V":       {"CannotAnalyse"},
		"pip install -r r.txt":              {"UnpinnedPackage numpy"},
		"pip install -r loop.txt":           {"CannotAnalyse loop.txt"},
		"pip install -c c.txt py-yaml":      nil,
		"pip install -c c.txt other":        {"UnpinnedPackage other"},
		"bash ./i.sh":                       {"UnpinnedPackage a"},
		"rm r.txt; pip install -r r.txt":    {"CannotAnalyse r.txt"},
		"pip install -r ./unknown.txt":      {"CannotAnalyse unknown.txt"},
		"./i.sh && source ./i.sh || . i.sh": {"UnpinnedPackage a", "UnpinnedPackage a", "CannotAnalyse"},
	} {
		if diff := cmp.Diff(want, said(pin.Script(script, options))); diff != "" {
			t.Errorf("%s: %s", script, diff)
		}
	}
}

// TestSecrets checks that secrets are found, and that no finding says them.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for script, secret := range map[string]string{
		"pip install -i https://user:hunter22@pypi.internal/simple a==1":                                 "hunter22",
		"pip install -i https://user:pw@pypi.internal/simple pw":                                         "pw",
		"git clone https://ghp_0123456789abcdefghijABCDEFGHIJ0123@github.com/o/r":                        "ghp_0123456789abcdefghijABCDEFGHIJ0123",
		"export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG":                                             "wJalrXUtnFEMI/K7MDENG",
		"aws configure set key AKIAABCDEFGHIJKLMNOP":                                                     "AKIAABCDEFGHIJKLMNOP",
		"# AKIAABCDEFGHIJKLMNOP":                                                                         "AKIAABCDEFGHIJKLMNOP",
		"ossutil --access-key-secret s3cr3tValue ls":                                                     "s3cr3tValue",
		"tool --password 'my pass' install x":                                                            "my pass",
		"tool --password=hunter22 --token=$TOKEN":                                                        "hunter22",
		"curl -u admin:hunter22 -X POST https://example.com/":                                            "hunter22",
		"curl -H 'Authorization: Bearer abcdef123456' -X POST https://example.com/":                      "abcdef123456",
		"TOKEN=hunter22 ./deploy.sh hunter22":                                                            "hunter22",
		"bash -c \"pip install -i https://u:hunter22@h.io/ a\"":                                          "hunter22",
		"echo '//registry.example.org/:_authToken=0123abcd-ffff' > ~/.npmrc":                             "0123abcd-ffff",
		"cat > key <<EOF\n-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END\nEOF":                       "MIIEabc",
		"echo \"-----BEGIN PRIVATE KEY-----MIIEabc\" > key; bash \"-----BEGIN PRIVATE KEY-----MIIEabc\"": "MIIEabc",
		"sshpass -p hunter22 scp a b":                                                                    "hunter22",
		"eval \"$X --password hunter22 https://a:hunter33@b/\"; x --password hunter22":                   "hunter22",
		"pip install git+https://oauth2:hunter22@gitlab.com/o/r.git":                                     "hunter22",
		"mysql -uroot -phunter22":                                                                        "hunter22",
		"docker login -u u -p hunter22 r.io":                                                             "hunter22",
		"odpscmd -u me -p hunter22 -e 'show tables'":                                                     "hunter22",
		"echo 'machine h.org login u password hunter22' > ~/.netrc":                                      "hunter22",
		"cat > ~/.netrc <<EOF\nmachine h.org\nlogin u\npassword hunter22\nEOF":                           "hunter22",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			found := pin.Script(script, pin.Options{})
			secrets := 0
			for _, f := range found {
				if f.Problem.Code == problem.SecretInScript {
					secrets++
				}
				name, all := f.Name, fmt.Sprintf("%+v %s", f, f.Problem.Error())
				if len(secret) > 2 && strings.Contains(all, secret) || name == secret || f.Problem.Value == secret {
					t.Errorf("says the secret: %s", all)
				}
			}
			if secrets == 0 {
				t.Errorf("found %+v", found)
			}
		})
	}
	for _, script := range []string{
		"curl -u \"$USER:$PASSWORD\" -X POST https://example.com/", "export TOKEN=$1", "TOKEN_FILE=/run/secrets/token", "PASSWORD=/run/secrets/x",
		"git clone git@github.com:o/r.git && cd r && git checkout " + commit, "pip install -i https://$U:$P@h.io/ a==1", "docker login --password-stdin",
		"mysql -uroot -p", "mysql -uroot -p$PW", "docker login -u u -p \"$PW\" r.io", "echo \"machine h.org login u password $PW\" > ~/.netrc", "mkdir -p hunter22",
		"TOKENIZERS_PARALLELISM=false", "MONKEY=banana",
	} {
		if found := pin.Script(script, pin.Options{}); len(found) > 0 {
			t.Errorf("%s: %+v", script, found)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for script, want := range map[string][]string{
		"": {},
		"pip install -i https://pypi.tuna.tsinghua.edu.cn/simple/ --extra-index-url http://Mirror.internal:8080/ -f https://w.org x": {
			"mirror.internal:8080", "pypi.tuna.tsinghua.edu.cn:443", "w.org:443",
		},
		"PIP_INDEX_URL=https://a.io/simple pip install b; pip config set global.index-url https://c.io/": {"a.io:443", "c.io:443"},
		"wget https://user:pw@a.io/x; curl -O b.io/y; curl http://localhost:1/ file:///x":                {"a.io:443", "b.io:80"},
		"git clone git@g.io:o/r.git; git clone ssh://git@h.io:2222/r; git clone git+x":                   {"g.io:22", "h.io:2222"},
		"npm ci --registry https://r.io; conda install -y -c https://c.io/x a; gem install -s https://s.io b": {
			"c.io:443", "r.io:443", "s.io:443",
		},
		"pip install git+https://g.io/o/r 'a @ https://f.io/a.whl'; yum install -y https://y.io/a.rpm": {"f.io:443", "g.io:443", "y.io:443"},
		"M=https://m.io; curl -o a $M/a $N/b https://$H/c; bash -c 'wget https://n.io/x'":              {"m.io:443", "n.io:443"},
		"curl -X POST https://p.io/ -d x; curl 'https://[::2]:8443/x'":                                 {"[::2]:8443", "p.io:443"},
		"echo 'deb http://mirrors.aliyun.com/debian stable main' > /etc/apt/sources.list":              {"mirrors.aliyun.com:80"},
		"cat > ~/.pip/pip.conf <<EOF\n[global]\nindex-url=https://i.io/simple\nEOF":                    {"i.io:443"},
		"pip install 'a": {},
	} {
		if diff := cmp.Diff(want, pin.Hosts(script, pin.Options{})); diff != "" {
			t.Errorf("%s: %s", script, diff)
		}
	}
}

func TestRequirements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                 nil,
		"# pandas\n\n  \n": nil,
		"pandas==1.5.3 # best\nnumpy==1.21.0;python_version<'3.9'\n": nil,
		"pandas\nnumpy>=1.2,<2":                            {"UnpinnedPackage pandas", "UnpinnedPackage numpy"},
		"pandas==1.5.3 \\\n  --hash=sha256:" + sum:         nil,
		"pandas --hash=sha256:" + sum:                      nil,
		"--require-hashes\npandas>=1":                      nil,
		"-i http://h.io/simple\na==1":                      {"InsecureDownload h.io"},
		"--extra-index-url=https://u:hunter22@h.io/simple": {"SecretInScript"},
		"-r other.txt":                                     {"CannotAnalyse other.txt"},
		"-c other.txt\na==1":                               {"CannotAnalyse other.txt"},
		"-e .\n./a.whl\n-e git+https://g.io/o/r@main":      {"UnpinnedPackage r"},
		"a @ https://f.io/a.whl":                           {"UnpinnedDownload a.whl"},
		"a @ https://f.io/a.whl#sha256=" + sum:             nil,
		"pandas=1.5.3\na b":                                {"InvalidRequirement", "InvalidRequirement"},
		"a==${V}":                                          {"CannotAnalyse"},
		"\ufeffpandas\r\nnumpy==1\r\n":                     {"UnpinnedPackage pandas"},
	} {
		if diff := cmp.Diff(want, said(pin.Requirements(text, pin.Options{}))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	found := pin.Requirements("\n  a==1\n  b \\\n >= 2\n", pin.Options{})
	if len(found) != 1 || found[0].Line != 3 || found[0].Column != 3 || found[0].Problem.Value != "b >= 2" {
		t.Errorf("%+v", found)
	}
}

// TestBounds checks that scripts made to take long, or much memory, do not: each of them took minutes, or all memory, once.
func TestBounds(t *testing.T) {
	t.Parallel()
	const n = 200_000
	for name, script := range map[string]string{
		"long":             strings.Repeat("x", pin.MaxSize+1),
		"subshells":        strings.Repeat("(", n),
		"substitutions":    strings.Repeat("$(", n/2),
		"quoted":           strings.Repeat(`"$(`, n/3),
		"blocks":           strings.Repeat("{ ", n/2),
		"conditions":       strings.Repeat("if ", n/3),
		"loops":            strings.Repeat("while ", n/6),
		"negations":        strings.Repeat("! ", n/2) + "a",
		"times":            strings.Repeat("time ", n/5) + "a",
		"functions":        strings.Repeat("f() ", n/4) + "{ wget git; }",
		"pipes":            strings.Repeat("a|", n/2) + "a",
		"chain":            strings.Repeat("a&&", n/3) + "a",
		"backquotes":       strings.Repeat("`", n),
		"arithmetic":       "((" + strings.Repeat("-", n) + "1))",
		"tests":            "[[ " + strings.Repeat("! ", n/2) + "a ]]; wget git",
		"braces":           "pip install " + strings.Repeat("{a,b}", 100),
		"nested braces":    "pip install " + strings.Repeat("{a,", n/3),
		"doubling":         "a0=xx\n" + doubling(60) + "pip install $a60",
		"nested loops":     strings.Repeat("for i in 1 2 3 4 5 6 7 8 9; do ", 30) + "pip install a;" + strings.Repeat("done;", 30),
		"empty loops":      strings.Repeat("for i in 1 2 3 4 5 6 7 8 9; do ", 30) + "x=1;" + strings.Repeat("done;", 30),
		"no loops":         strings.Repeat("for i in 1 2 3 4 5 6 7 8 9; do ", 30) + "f() { :; };" + strings.Repeat("done;", 30),
		"calls":            calls(40) + "f40",
		"many":             strings.Repeat("pip install a\n", 10_000),
		"many secrets":     secrets(10_000),
		"endless append":   "echo x > f\n" + strings.Repeat("cat f >> f\n", 60) + "wget git",
		"long format":      "a='" + strings.Repeat("x", 60_000) + "'\nprintf \"$a%s\" " + strings.Repeat("a ", n/4) + "> f; wget git",
		"constraints":      "cat > c <<EOF\n" + strings.Repeat("a==1\n", n/17) + "EOF\npip install " + strings.Repeat("-c c ", n/10) + "a",
		"requirements":     "cat > c <<EOF\n" + strings.Repeat("a==1\n", n/17) + "EOF\npip install " + strings.Repeat("-r c ", n/10) + "a",
		"checksums":        "cat > c <<EOF\n" + strings.Repeat(sum+"  f\n", 900) + "EOF\nsha256sum -c " + strings.Repeat("c ", n/4),
		"redirections":     "pip install " + strings.Repeat("a ", n/4) + strings.Repeat("<1 ", n/6),
		"outputs":          "echo " + strings.Repeat("a ", n/4) + strings.Repeat(">a ", n/6),
		"runners":          strings.Repeat("xargs ", n/6),
		"finders":          strings.Repeat("find -exec ", n/11),
		"environments":     strings.Repeat("conda run ", n/10),
		"brace and parts":  "pip install {a,b}" + strings.Repeat(`""''`, n/4),
		"braces and parts": "pip install " + strings.Repeat("{a,b}", 10) + strings.Repeat(`""''`, n/4),
		"arguments":        arguments(5),
		"lists":            "a=(" + strings.Repeat("a ", n/5) + ")\necho " + strings.Repeat(`"${a[@]}" `, n/16),
		"split lists":      "a=(" + strings.Repeat("a ", n/5) + ")\necho " + strings.Repeat("${a[@]} ", n/16),
		"joined lists":     "a=(" + strings.Repeat("a ", n/8) + ")\n" + looped(`echo "`+strings.Repeat("${a[*]}", n/16)+`"`),
		"split words":      "a='" + strings.Repeat("a ", n/8) + "'\necho " + strings.Repeat("$a ", n/4),
		"long arithmetic":  looped("echo $((1" + strings.Repeat("+1", n/4) + "))"),
		"empty words":      looped("echo " + strings.Repeat("'' ", n/4)),
		"empty parts":      looped("echo " + strings.Repeat("''", n/4)),
		"branches":         "x=1; if a; then :; " + strings.Repeat("elif a; then :; ", n/20) + "else " + looped("echo "+strings.Repeat("$x ", n/20)) + "; fi",
		"long function":    "f() { : $((1" + strings.Repeat("+1", n/6) + ")); }\n" + strings.Repeat("f\n", n/6),
		"many arguments":   "docker pull " + strings.Repeat("a ", n/2) + "-p x",
		"many downloads":   "curl " + strings.Repeat("a ", n/5) + strings.Repeat("-s ", n/5),
		"same downloads":   "aria2c " + strings.Repeat("a ", n/5) + strings.Repeat("-q ", n/5),
		"mirrors":          "cat > c <<EOF\n" + strings.Repeat("a==1\n", n/17) + "EOF\n" + strings.Repeat("cat c >/etc/apt/x\n", n/30),
		"leaving":          strings.Repeat("a || { ", 390) + strings.Repeat("a; ", n/6) + strings.Repeat("}; ", 390),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := pin.Script(script, pin.Options{})
			if len(found) == 0 || len(found) > 2000 || len(script) > pin.MaxSize != (name == "long") {
				t.Errorf("%d findings", len(found))
			}
		})
	}
}

// TestLarge checks that the bounds leave a script alone that is long, and does nothing odd.
func TestLarge(t *testing.T) {
	t.Parallel()
	line := "python3 -m pip install --no-cache-dir pandas==1.5.3 && echo \"$V\" >> /tmp/done\n"
	script := "V=1\n" + strings.Repeat(line, 3000)
	if len(script) < pin.MaxSize/2 {
		t.Fatalf("%d bytes are not many", len(script))
	}
	if found := pin.Script(script, pin.Options{}); len(found) > 0 {
		t.Errorf("%d findings, of which the first is %+v", len(found), found[0])
	}
	if found := pin.Requirements(strings.Repeat("pandas==1.5.3\n", pin.MaxSize/14), pin.Options{}); len(found) > 0 {
		t.Errorf("%d findings, of which the first is %+v", len(found), found[0])
	}
}

func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d=$a%d$a%d\n", i+1, i, i)
	}
	return b.String()
}

// looped repeats a command.
func looped(command string) string {
	return "for i in " + strings.Repeat("1 ", 20_000) + "; do " + command + "; done"
}

// arguments hands on many times more arguments from function to function.
func arguments(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "f%d() { f%d %s; }\n", i+1, i, strings.Repeat(`"$@" `, 100))
	}
	return b.String() + fmt.Sprintf("f0() { :; }\nf%d %s", n, strings.Repeat("a ", 100))
}

// TestRequirementBounds checks the same of requirements.
func TestRequirementBounds(t *testing.T) {
	t.Parallel()
	const n = 200_000
	long := strings.Repeat("a==1\n", n/10)
	for name, text := range map[string]string{
		"continued":   strings.Repeat("\\\n", n/2) + "a",
		"holes":       strings.Repeat("${a}", n/4),
		"itself":      strings.Repeat("-r self ", n/8),
		"itselves":    strings.Repeat("-r self\n", n/8),
		"constraints": strings.Repeat("-c self ", n/8) + "\na",
		"files":       strings.Repeat("-r long ", n/8),
		"long files":  strings.Repeat("-c long ", n/8) + "\na",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := pin.Requirements(text, pin.Options{File: func(path string) (string, bool) {
				return map[string]string{"self": text, "long": long}[path], true
			}})
			if len(found) == 0 || len(found) > 2000 {
				t.Errorf("%d findings", len(found))
			}
		})
	}
}

func calls(n int) string {
	var b strings.Builder
	b.WriteString("f0() { pip install a; }\n")
	for i := range n {
		fmt.Fprintf(&b, "f%d() { f%d; f%d; }\n", i+1, i, i)
	}
	return b.String()
}

func secrets(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "TOKEN=secret%d\n", i)
	}
	return b.String()
}

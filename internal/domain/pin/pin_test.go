package pin_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/pin"
)

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	sum    = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// said gives the findings as CODE NAME, in the order of the text.
func said(found []pin.Finding) []string {
	var all []string
	for _, f := range found {
		all = append(all, strings.TrimSpace(string(f.Problem.Code)+" "+f.Name))
	}
	return all
}

// TestAccepted holds what people write who know what they want.
func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, script := range accepted {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			if found := pin.Script(script, pin.Options{}); len(found) > 0 {
				t.Errorf("%+v", found)
			}
		})
	}
}

var accepted = []string{
	"",
	"# pip install pandas",
	"set -euo pipefail\nmkdir -p /opt/app && cd /opt/app\nrm -rf /var/lib/apt/lists/*",
	"echo 'pip install pandas'",
	"make install && ./configure --prefix=/usr && install -m 755 a /usr/bin/a",

	// pip
	"pip install pandas==1.5.3",
	"/home/tops/bin/pip3 install urllib3==1.26.16",
	"/home/tops/bin/pip3 install 'urllib3==1.26.16'",
	"pip3.8 install \"pandas==1.5.3\" 'numpy===1.21.0'",
	"pip2 install --upgrade pip==20.3.4",
	"python -m pip install pandas==1.5.3",
	"python3.11 -m pip install -U --no-cache-dir pandas==1.5.3",
	"python3 -u -mpip install pandas==1.5.3",
	"sudo -H -u admin pip install pandas==1.5.3",
	"PIP_NO_CACHE_DIR=1 pip install pandas==1.5.3",
	"env PIP_NO_CACHE_DIR=1 nice -n 5 pip install pandas==1.5.3",
	"time pip install pandas==1.5.3",
	"timeout -k 5 600 pip install pandas==1.5.3",
	"pip install requests[security,socks]==2.31.0",
	"pip install 'requests[socks]==2.31.0 ; python_version < \"3.11\"'",
	"pip install 'pandas>=1,==1.5.3'",
	"pip install torch==2.0.1+cu118 -f https://download.pytorch.org/whl/torch_stable.html",
	"pip install -i https://pypi.tuna.tsinghua.edu.cn/simple/ pandas==1.5.3",
	"pip install pandas==1.5.3 -i https://pypi.tuna.tsinghua.edu.cn/simple",
	"pip install --index-url=https://mirrors.aliyun.com/pypi/simple/ --trusted-host mirrors.aliyun.com jieba==0.42.1",
	"pip install --extra-index https://mirrors.aliyun.com/pypi/simple/ jieba==0.42.1",
	"pip install -t /opt/lib --python-version 3.8 --only-binary :all: pandas==1.5.3",
	"pip install ./wheels/pandas-1.5.3-cp38-cp38-manylinux_2_17_x86_64.whl",
	"pip install /tmp/a.whl wheels/*.whl dist/a.tar.gz",
	"pip install \"$HOME/wheels/a.whl\"",
	"pip install -e .",
	"pip install '.[dev]' ../lib",
	"pip install --no-index --find-links /wheels pandas==1.5.3",
	"pip install https://example.com/a-1.0.tar.gz#sha256=" + sum,
	"pip install 'a @ https://example.com/a-1.0.whl#sha256=" + sum + "'",
	"pip install git+https://github.com/o/r.git@" + commit,
	"pip install 'git+https://github.com/o/r@" + commit + "#egg=r&subdirectory=x'",
	"pip install git+ssh://git@github.com/o/r.git@" + commit,
	"pip install --require-hashes -r requirements.txt",
	"pip uninstall -y pandas",
	"pip list && pip freeze > /tmp/freeze.txt && pip --version",
	"pip install pandas==1.5.3 > /tmp/pip.log 2>&1",
	"pip install pandas==1.5.3 >/dev/null 2>log",
	"pip install \\\n  pandas==1.5.3 \\\n  numpy==1.21.0 # both",
	"pip install pandas==1.5.3; pip install numpy==1.21.0 || exit 1",
	"if [ -f x ]; then pip install a==1; elif true; then pip install b==2; else pip install c==3; fi",
	"(pip install a==1) && { pip install b==2; } | tee log",
	"V=1.5.3\npip install pandas==$V \"numpy==${V}\"",
	"export V=1.5.3 && pip install pandas==${V:-2}",
	"PKGS='a==1 b==2'\npip install $PKGS",
	"PKGS=(a==1 b==2)\npip install \"${PKGS[@]}\"",
	"for p in a==1 b==2; do pip install $p; done",
	"for p in a b; do pip install \"$p==1.0\"; done",
	"for p in {a,b}==1; do pip install $p; done",
	"pip install {pandas,numpy}==1.0",
	"get() { pip install \"$1==$2\"; }\nget pandas 1.5.3",
	"retry() { \"$@\" || \"$@\"; }\nretry pip install pandas==1.5.3",
	"PIP=/home/tops/bin/pip3\n$PIP install pandas==1.5.3",
	"\"$(which pip3)\" install pandas==1.5.3",
	"bash -c 'pip install pandas==1.5.3'",
	"bash -lc \"pip install pandas==1.5.3\"",
	"eval pip install pandas==1.5.3",
	"bash <<'EOF'\npip install pandas==1.5.3\nEOF",
	"cat <<EOF | sudo bash -s\npip install pandas==1.5.3\nEOF",
	"sh <<< 'pip install pandas==1.5.3'",
	"cat > requirements.txt <<EOF\npandas==1.5.3\nEOF\npip install -r requirements.txt",
	"cat > x.sh <<EOF\r\npip install a==1\r\nEOF\r\n./x.sh\r\n",
	"echo pandas==1.5.3 > r.txt\necho numpy==1.21.0 >> r.txt\npip install -r r.txt",
	"printf '%s\\n' numpy==1.21.0 > c.txt\npip install -c c.txt numpy",
	"find . -name '*.whl' -exec pip install {} +",
	"source /opt/venv/bin/activate && pip install pandas==1.5.3",
	"python3 -m venv /opt/venv && python -c 'print(1)'",
	"python get-pip.py 'pip==20.3.4'",
	"conda run -n base pip install pandas==1.5.3",
	"uv pip install pandas==1.5.3",
	"pip install pandas==1.5.3 2>&1 | tee /tmp/log",
	"pip install \"pandas == 1.5.3\" 'requests (==2.31.0)'",
	"pip install --dry-run pandas && pip cache purge && pip check",
	"pip install svn+https://h.org/r@123 'r @ git+https://h.org/o/r@" + commit + "'",
	"pip install -Ur r.txt --require-hashes",
	"python3 -I -m pip install pandas==1.5.3 && py -m pip install pandas==1.5.3",
	"\\pip install pandas==1.5.3 && 'pip' install \"pandas==1.5.3\" && command pip install pandas==1.5.3",
	"! pip install pandas==1.5.3 || nohup pip install pandas==1.5.3 &",
	"pipx install black==24.1.0 && uvx black@24.1.0 --check . && uvx --from black==24.1.0 black && pipx run cowsay==6.1 hello",
	"yes | pip uninstall pandas",
	"uv pip install --system pandas==1.5.3",
	"echo pandas==1.5.3 > r.txt && pip-sync r.txt",

	// programs that stay on their own
	"awk '/a|b/ || $1 > 2 {print $2 \"|\"}' f && awk -F: '{print $1}' /etc/passwd",
	"perl -pi -e 's/a/b/' f && perl -MData::Dumper -ne 'print if /x/' f && perl -v",
	"php -r 'echo 1;' && ruby -e 'puts 1' && node -e 'console.log(1)' && node --version",
	"rsync -a --delete src/ /opt/dst/ && scp -r a b",
	"busybox ls && unshare -r true && docker --version && aws --version",

	// distributions
	"apt-get update && apt-get install -y git=1:2.39.2-1.1",
	"DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends curl=7.88.1-10+deb12u5",
	"apt-get install -yq -t bookworm-backports libc6:amd64=2.36-9",
	"apt install -y ./a.deb /tmp/b.deb",
	"yes | apt-get install git=1:2.39.2-1.1",
	"apt-get -y purge git && apt-get autoremove --yes",
	"yum install -y git-1.8.3.1",
	"yum install -y git-2.43.0-1.el8.x86_64 less-458-9.el7",
	"yum -y localinstall /tmp/a.rpm && dnf install --assumeyes ./b.rpm",
	"yum clean all && yum makecache",
	"yum install -y --enablerepo=epel --setopt=tsflags=nodocs jq-1.6-2.el7",
	"apk add --no-cache curl=8.5.0-r0",
	"apk add curl@edge=8.5.0-r0 ./a.apk '!less'",
	"apt-get install -qqy git=1:2.39.2-1.1 curl- && apt install git=1:2.39.2-1.1 -y",
	"apt-get install -y -f; apt-cache policy git; apt-get download git=1:2.39.2-1.1",
	"dpkg -i ./x.deb || apt-get -yf install",
	"yum-config-manager --add-repo https://h.org/a.repo && yum-config-manager --enable epel",
	"dnf config-manager --add-repo https://h.org/a.repo && dnf -y module enable nodejs:18 && dnf install -y nodejs-18.19.0",
	"yum install -y mysql-community-server-8.0.35 && yum localinstall -y a.rpm",
	"dpkg -i ./a.deb; rpm -ivh a.rpm",

	// others
	"npm install -g typescript@5.3.3 @angular/cli@17.0.0",
	"npm ci --registry https://registry.npmmirror.com",
	"npm install ./a.tgz github:o/r#" + commit,
	"npm run build && npm init -y && npm exec -- cowsay@1.5.0 hello && npx cowsay@1.5.0 && npm create vite@5.0.0 x",
	"pnpm install --frozen-lockfile && yarn add lodash@4.17.21",
	"conda create -y -n x python=3.8.18 pandas==1.5.3 && micromamba install -y pandas=1.5.3=py38h_0",
	"terraform version && jupyter nbconvert --to html a.ipynb && dotnet build && cargo build && go mod download && mvn package",
	"yarn install --frozen-lockfile && yarn global add typescript@5.3.3",
	"conda install -y numpy=1.21.0 pandas==1.5.3 'scipy 1.7.1' conda-forge::jq=1.6=h36c2ea0_1000",
	"conda create --yes -n py38 python==3.8.18 -c conda-forge",
	"CONDA_ALWAYS_YES=true mamba install numpy==1.21.0",
	"go install golang.org/x/tools/gopls@v0.14.2",
	"GOPROXY=https://goproxy.cn go install -tags x example.com/a@v0.0.0-20240101000000-abcdefabcdef",
	"go install ./... && go build -o a .",
	"gem install rails -v 7.1.2 && gem install rake:13.1.0",
	"cargo install ripgrep --version 14.0.3 --locked && cargo install fd-find@8.7.1",
	"cargo install --git https://github.com/o/r --rev " + commit,

	// downloads
	"wget https://example.com/a.tgz\necho \"" + sum + "  a.tgz\" | sha256sum -c -",
	"curl -fsSL -o /tmp/a.tgz https://example.com/x.tgz && echo '" + sum + " */tmp/a.tgz' | sha256sum --check --status",
	"curl https://example.com/a > a.tgz\nsha256sum -c <<< '" + sum + "  a.tgz' || exit 1",
	"SUM=" + sum + "\nwget -qO b.tgz https://example.com/a.tgz; echo \"$SUM  b.tgz\" | sha256sum -c",
	"curl -LO https://example.com/a.tgz\nsha512sum -c - <<EOF\n" + sum + sum + "  a.tgz\nEOF",
	"wget https://example.com/a.tgz\ncat > sums <<EOF\n" + sum + "  a.tgz\nEOF\nsha256sum -c sums",
	"curl -s http://localhost:8080/health && wget --spider https://example.com",
	"curl -X POST -d a=b https://example.com/hook",
	"curl -o /dev/null https://example.com/",
	"git clone https://github.com/o/r.git && cd r && git checkout " + commit,
	"git clone -b v1.0 https://github.com/o/r.git /src/r\ngit -C /src/r reset --hard " + commit,
	"git clone https://github.com/o/r.git\ncd r\ngit fetch origin " + commit + "\ngit checkout FETCH_HEAD",
	"git clone ./local.git && git submodule update --init",
	"git clone https://h.org/o/r && (cd r && git checkout -q " + commit + ")",
	"git clone https://h.org/o/r x && cd x && git switch --detach " + commit,
	"git clone --revision=" + commit + " https://h.org/o/r && git clone file:///local/r",
	"git init && git remote add origin https://h.org/r && git fetch --depth 1 origin " + commit + " && git checkout FETCH_HEAD",
	"git submodule add https://h.org/y && git -C y checkout " + commit,
	"wget -P /tmp https://h.org/a.tgz && cd /tmp && echo '" + sum + "  a.tgz' | sha256sum -c -",
	"curl --fail -sS https://h.org/a -o a && echo '" + sum + "  a' | shasum -a 256 -c",
	"curl -I https://h.org && curl localhost:8080/health && curl http://127.0.0.1:8080 && wget --version",
}

// refused holds what cannot stay as it is, with what is said of it.
var refused = []struct {
	script string
	want   []string
}{
	// The samples of the product's manual.
	{"wget git", []string{"InvalidDownloadUrl"}},
	{"/home/tops/bin/pip3 install 'urllib3<2.0'", []string{"UnpinnedPackage urllib3"}},
	{"/home/tops/bin/pip3 install urllib3<2.0", []string{"UnquotedShellRedirection urllib3"}},
	{"yum install -y git", []string{"UnpinnedPackage git"}},
	{"pip install xx", []string{"UnpinnedPackage xx"}},
	{"pip install -i https://pypi.tuna.tsinghua.edu.cn/simple/ x", []string{"UnpinnedPackage x"}},
	{"pip install --upgrade pip", []string{"UnpinnedPackage pip"}},
	{"/home/tops/bin/pip3 install --upgrade pip", []string{"UnpinnedPackage pip"}},
	{"pip install <需要安裝的包> -i https://pypi.tuna.tsinghua.edu.cn/simple", []string{"UnquotedShellRedirection"}},

	// pip
	{"pip install pandas>=1.5", []string{"UnquotedShellRedirection pandas"}},
	{"pip install pandas > 1.0", []string{"UnquotedShellRedirection pandas"}},
	{"pip install pandas >= 1.0", []string{"UnquotedShellRedirection pandas"}},
	{"pip install urllib3>=1.21,<2 requests==2.31.0", []string{"UnquotedShellRedirection urllib3"}},
	{"pip install pandas==1.*", []string{"UnpinnedPackage pandas"}},
	{"pip install pandas~=1.5 'numpy!=1.2'", []string{"UnpinnedPackage pandas", "UnpinnedPackage numpy"}},
	{"pip install pandas=1.5.3", []string{"InvalidRequirement"}},
	{"pip install pandas==", []string{"InvalidRequirement"}},
	{"pip install pandas, numpy", []string{"InvalidRequirement", "UnpinnedPackage numpy"}},
	{"pip install 'requests[socks]'", []string{"UnpinnedPackage requests[socks]"}},
	{"pip install 'a; python_version==\"3.8\"'", []string{"UnpinnedPackage a"}},
	{"pip install https://example.com/a-1.0.tar.gz", []string{"UnpinnedDownload a-1.0.tar.gz"}},
	{"pip install http://example.com/a-1.0.tar.gz#md5=abc", []string{"InsecureDownload example.com", "UnpinnedDownload a-1.0.tar.gz"}},
	{"pip install git+https://github.com/o/r.git", []string{"UnpinnedPackage r"}},
	{"pip install git+https://github.com/o/r.git@main#egg=rr", []string{"UnpinnedPackage rr"}},
	{"pip install git+https://github.com/o/r@v1.0", []string{"UnpinnedPackage r"}},
	{"pip install git+https://github.com/o/r@0123456", []string{"UnpinnedPackage r"}},
	{"pip install -e git+https://github.com/o/r.git#egg=r", []string{"UnpinnedPackage r"}},
	{"pip install -r https://example.com/r.txt", []string{"UnpinnedDownload r.txt"}},
	{"pip install -i http://pypi.internal/simple a==1", []string{"InsecureDownload pypi.internal"}},
	{"python3.8 -m pip install pandas", []string{"UnpinnedPackage pandas"}},
	{"sudo python -m pip install pandas", []string{"UnpinnedPackage pandas"}},
	{"FOO=1 env -u BAR BAZ=2 pip3 install pandas", []string{"UnpinnedPackage pandas"}},
	{"true && (cd /x; pip install pandas) || pip install numpy", []string{"UnpinnedPackage pandas", "UnpinnedPackage numpy"}},
	{"while true; do pip install a; done; until pip install b; do :; done", []string{"UnpinnedPackage a", "UnpinnedPackage b"}},
	{"case $x in a) pip install a;; *) pip install b;; esac", []string{"UnpinnedPackage a", "UnpinnedPackage b"}},
	{"f() { pip install a; }", []string{"UnpinnedPackage a"}},
	{"f() { g() { pip install a; }; }", []string{"UnpinnedPackage a"}},
	{"f() { g() { pip install a; }; }", []string{"UnpinnedPackage a"}},
	{"f() { pip install $1; }; f a; f b==1", []string{"UnpinnedPackage a"}},
	{"for p in a b==1 c; do pip install $p; done", []string{"UnpinnedPackage a", "UnpinnedPackage c"}},
	{"x=$(pip install a)", []string{"UnpinnedPackage a"}},
	{"echo `pip install a`", []string{"UnpinnedPackage a"}},
	{"bash -ec 'pip install a'", []string{"UnpinnedPackage a"}},
	{"su admin -c \"pip install a\"", []string{"UnpinnedPackage a"}},
	{"eval \"pip install a\"", []string{"UnpinnedPackage a"}},
	{"trap 'pip install a' EXIT", []string{"UnpinnedPackage a"}},
	{"bash <<EOF\npip install a\nEOF", []string{"UnpinnedPackage a"}},
	{"echo 'pip install a' | sh", []string{"UnpinnedPackage a"}},
	{"cat > i.sh <<'EOF'\npip install a\nEOF\nbash i.sh", []string{"UnpinnedPackage a"}},
	{"cat > r.txt <<EOF\npandas\nEOF\npip install -r r.txt", []string{"UnpinnedPackage pandas"}},
	{"python get-pip.py", []string{"UnpinnedPackage pip"}},
	{"pipx install black", []string{"UnpinnedPackage black"}},
	{"easy_install pandas", []string{"UnpinnedPackage pandas"}},
	{"pip install pandas<2,>=1.5", []string{"UnquotedShellRedirection pandas"}},
	{"pip install pandas<2.*", []string{"UnquotedShellRedirection pandas"}},
	{"pip install pandas\\>=1.5", []string{"UnpinnedPackage pandas"}},
	{"pip install pandas==1.5.3,", []string{"InvalidRequirement"}},
	{"pip install --pre torch && pip install torch==2.* -U", []string{"UnpinnedPackage torch", "UnpinnedPackage torch"}},
	{"pip download pandas && pip wheel numpy", []string{"UnpinnedPackage pandas", "UnpinnedPackage numpy"}},
	{"pip install 'r @ git+https://h.org/o/r@main'", []string{"UnpinnedPackage r"}},
	{"pip install hg+https://h.org/o/r bzr+https://h.org/o/s", []string{"UnpinnedPackage r", "UnpinnedPackage s"}},
	{"pip install https://h.org/o/r/archive/main.zip", []string{"UnpinnedDownload main.zip"}},
	{"\\pip install a && 'pip' install b && command pip install c && ! pip install d", []string{"UnpinnedPackage a", "UnpinnedPackage b", "UnpinnedPackage c", "UnpinnedPackage d"}},
	{"[[ -f x ]] && exec pip install a", []string{"UnpinnedPackage a"}},
	{"pip install pandas || pip install pandas==1.5.3", []string{"UnpinnedPackage pandas"}},
	{"python3 -I -m pip install a; py -m pip install b", []string{"UnpinnedPackage a", "UnpinnedPackage b"}},
	{"uv pip install pandas", []string{"UnpinnedPackage pandas"}},
	{"uvx black", []string{"UnpinnedPackage black"}},
	{"uvx black@latest --check .", []string{"UnpinnedPackage black"}},
	{"uvx --from 'black>=24' --with click black", []string{"UnpinnedPackage black", "UnpinnedPackage click"}},
	{"pipx run cowsay hello", []string{"UnpinnedPackage cowsay"}},
	{"echo pandas > r.txt; pip-sync r.txt", []string{"UnpinnedPackage pandas"}},
	{"pip uninstall pandas", []string{"InteractiveInstall"}},

	// distributions
	{"apt-get install -y git/stable", []string{"UnpinnedPackage git"}},
	{"apt-get install -y 'nginx=1.18*'", []string{"UnpinnedPackage nginx"}},
	{"apt-get install git=1:2.39.2-1.1", []string{"InteractiveInstall"}},
	{"DEBIAN_FRONTEND=noninteractive apt-get install git=1:2.39.2-1.1", []string{"InteractiveInstall"}},
	{"apt update && apt upgrade -y", []string{"UnpinnedPackage apt upgrade"}},
	{"yum install git-1.8.3.1", []string{"InteractiveInstall"}},
	{"dnf install git", []string{"InteractiveInstall", "UnpinnedPackage git"}},
	{"yum update -y", []string{"UnpinnedPackage yum update"}},
	{"yum install -y java-1.8.0-openjdk gcc-toolset-12", []string{"UnpinnedPackage java-1.8.0-openjdk", "UnpinnedPackage gcc-toolset-12"}},
	{"yum groupinstall -y 'Development Tools'", []string{"UnpinnedPackage Development Tools"}},
	{"yum install -y http://example.com/epel-release-latest-7.noarch.rpm", []string{"InsecureDownload example.com", "UnpinnedDownload epel-release-latest-7.noarch.rpm"}},
	{"apk add curl", []string{"UnpinnedPackage curl"}},
	{"apk add = @edge '~' '=1.0' '' '!' '@edge=1' '>'", []string{
		"InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement",
		"InvalidRequirement",
	}},
	{"apt-get install -y = =1.0 + ''; yum install -y ''", []string{
		"InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement",
	}},
	{"conda install -y =1.2.3 ==1.0 '[x]'; gem install :1 ''; cargo install @1.0.0 ''; npm install ''", []string{
		"InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement", "InvalidRequirement",
		"InvalidRequirement",
	}},
	{"apk add curl@edge 'jq~1.7' 'git>2' less=", []string{"UnpinnedPackage curl", "UnpinnedPackage jq", "UnpinnedPackage git", "UnpinnedPackage less"}},
	{"apt-get install -y --no-install-recommends git=1:2.39.2-1.1 ca-certificates", []string{"UnpinnedPackage ca-certificates"}},
	{"apt-get update && apt-get install -y \\\n    git \\\n    curl=7 \\\n && rm -rf /var/lib/apt/lists/*", []string{"UnpinnedPackage git"}},
	{"apt-get -f install", []string{"InteractiveInstall"}},
	{"apt-get install -y https://h.org/x.deb", []string{"UnpinnedDownload x.deb"}},
	{"apt-get source git; apt-get download curl", []string{"UnpinnedPackage git", "UnpinnedPackage curl"}},
	{"aptitude install git", []string{"InteractiveInstall", "UnpinnedPackage git"}},
	{"yum install -y glibc.i686 'git-2.*' 'python3*'", []string{"UnpinnedPackage glibc", "UnpinnedPackage git", "UnpinnedPackage python3"}},
	{"yum install -y @development && dnf module install -y nodejs:18", []string{"UnpinnedPackage @development", "UnpinnedPackage nodejs:18"}},
	{"dnf config-manager --add-repo http://h.org/a.repo", []string{"InsecureDownload h.org"}},
	{"rpm --import https://h.org/key", []string{"UnpinnedDownload key"}},
	{"zypper ar http://h.org/r a && zypper --non-interactive install git", []string{"InsecureDownload h.org", "UnpinnedPackage git"}},

	// others
	{"npm i -g typescript", []string{"UnpinnedPackage typescript"}},
	{"npm install a@^1.2.3 b@~1.2 c@latest @x/y d@1", []string{"UnpinnedPackage a", "UnpinnedPackage b", "UnpinnedPackage c", "UnpinnedPackage @x/y", "UnpinnedPackage d"}},
	{"npx cowsay hello", []string{"UnpinnedPackage cowsay"}},
	{"npm exec cowsay && npm x -- figlet hello", []string{"UnpinnedPackage cowsay", "UnpinnedPackage figlet"}},
	{"npm audit fix", []string{"UnpinnedPackage npm audit fix"}},
	{"npm update", []string{"UnpinnedPackage npm update"}},
	{"npm init", []string{"InteractiveInstall"}},
	{"npm create vite x", []string{"UnpinnedPackage vite"}},
	{"npm install https://h.org/a.tgz o/r", []string{"UnpinnedDownload a.tgz", "UnpinnedPackage r"}},
	{"conda update -y conda && conda update --all -y", []string{"UnpinnedPackage conda", "UnpinnedPackage conda update"}},
	{"conda install -y \"python[version='>=3.8']\"", []string{"UnpinnedPackage python"}},
	{"conda create -n x python=3.8", []string{"InteractiveInstall", "UnpinnedPackage python"}},
	{"conda install numpy==1.21.0", []string{"InteractiveInstall"}},
	{"conda install -y python=3.8 numpy 'scipy>=1.7'", []string{"UnpinnedPackage python", "UnpinnedPackage numpy", "UnpinnedPackage scipy"}},
	{"conda install -y numpy>1.2", []string{"UnquotedShellRedirection numpy"}},
	{"go install golang.org/x/tools/gopls@latest", []string{"UnpinnedPackage golang.org/x/tools/gopls"}},
	{"go get github.com/o/r", []string{"UnpinnedPackage github.com/o/r"}},
	{"gem install rails -v '~> 7.0'", []string{"UnpinnedPackage rails"}},
	{"gem install rails", []string{"UnpinnedPackage rails"}},
	{"cargo install ripgrep", []string{"UnpinnedPackage ripgrep"}},
	{"cargo install --git https://github.com/o/r --tag v1", []string{"UnpinnedPackage r"}},

	// behind other commands
	{"unshare -r --map-user 0 pip install x", []string{"UnpinnedPackage x"}},
	{"busybox wget https://example.com/a.tgz", []string{"UnpinnedDownload a.tgz"}},
	{"busybox sh -c 'pip install x'", []string{"UnpinnedPackage x"}},
	{"setpriv --reuid 1 --clear-groups pip install x", []string{"UnpinnedPackage x"}},
	{"taskset 1 pip install x", []string{"UnpinnedPackage x"}},

	// downloads
	{"wget https://example.com/a.tgz", []string{"UnpinnedDownload a.tgz"}},
	{"wget example.com/a.tgz", []string{"InsecureDownload example.com", "UnpinnedDownload a.tgz"}},
	{"curl -O http://example.com/a.tgz", []string{"InsecureDownload example.com", "UnpinnedDownload a.tgz"}},
	{"curl pandas", []string{"InvalidDownloadUrl"}},
	{"wget https:///a", []string{"InvalidDownloadUrl"}},
	{"curl -fsSL https://get.example.com | sh", []string{"UnpinnedDownload get.example.com"}},
	{"curl -fsSL https://example.com/i.sh | sudo -E bash -s -- --yes", []string{"UnpinnedDownload i.sh"}},
	{"bash <(curl -s https://example.com/i.sh)", []string{"UnpinnedDownload i.sh"}},
	{"sh -c \"$(curl -fsSL https://example.com/i.sh)\"", []string{"UnpinnedDownload i.sh"}},
	{"curl https://example.com/get-pip.py | python3", []string{"UnpinnedDownload get-pip.py"}},
	{"wget -qO- https://example.com/a.tgz | tar xz", []string{"UnpinnedDownload a.tgz"}},
	{"echo '" + sum + "  a.tgz' | sha256sum -c\nwget https://example.com/a.tgz", []string{"UnpinnedDownload a.tgz"}},
	{"wget https://example.com/a.tgz\necho '" + sum + "  b.tgz' | sha256sum -c", []string{"UnpinnedDownload a.tgz"}},
	{"wget https://example.com/a.tgz\necho '" + sum + "  a.tgz' | sha256sum -c || true", []string{"UnpinnedDownload a.tgz"}},
	{"wget https://example.com/a.tgz https://example.com/a.tgz.sha256\nsha256sum -c a.tgz.sha256", []string{"UnpinnedDownload a.tgz", "UnpinnedDownload a.tgz.sha256"}},
	{"git clone https://github.com/o/r.git", []string{"UnpinnedDownload r"}},
	{"git clone --depth 1 -b v1.0 git@github.com:o/r.git", []string{"UnpinnedDownload r"}},
	{"git clone https://github.com/o/r && cd r && git checkout v1.0", []string{"UnpinnedDownload r"}},
	{"git pull", []string{"UnpinnedDownload git pull"}},
	{"git fetch && git checkout origin/main", []string{"UnpinnedDownload git checkout origin/main"}},
	{"git clone https://h.org/o/r && cd r && git checkout origin/dev", []string{"UnpinnedDownload r"}},
	{"git clone https://h.org/o/r && cd r && git checkout " + commit + " && git checkout -b a origin/dev", []string{"UnpinnedDownload git checkout origin/dev"}},
	{"git clone https://h.org/o/r && cd r && git checkout 0123456", []string{"UnpinnedDownload r"}},
	{"git clone http://h.org/o/r.git", []string{"InsecureDownload h.org", "UnpinnedDownload r"}},
	{"git submodule add https://h.org/y", []string{"UnpinnedDownload git submodule add"}},
	{"git archive --remote=git@h.org:y main | tar x", []string{"UnpinnedDownload git archive"}},
	{"wget pandas==1.5.3", []string{"InvalidDownloadUrl"}},
	{"wget http:/h.org/a && wget //h.org/a", []string{"InvalidDownloadUrl", "InvalidDownloadUrl"}},
	{"curl install git", []string{"InvalidDownloadUrl", "InvalidDownloadUrl"}},
	{"wget --no-check-certificate https://h.org/a", []string{"InsecureDownload --no-check-certificate", "UnpinnedDownload a"}},
	{"curl -fskSL https://h.org/a -o a && echo '" + sum + "  a' | sha256sum -c", []string{"InsecureDownload -k"}},
	{"wget https://h.org/a.tgz && md5sum -c a.md5", []string{"UnpinnedDownload a.tgz"}},
	{"wget https://h.org/a.tgz && sha256sum a.tgz", []string{"UnpinnedDownload a.tgz"}},
	{"curl -fsSL https://h.org/key.gpg | gpg --dearmor -o /usr/share/keyrings/h.gpg", []string{"UnpinnedDownload key.gpg"}},
	{"source <(curl -s https://h.org/i.sh)", []string{"UnpinnedDownload i.sh"}},
	{"wget \"https://h.org/a-${V}.tgz\"", []string{"UnpinnedDownload a-?.tgz"}},
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, test := range refused {
		t.Run(test.script, func(t *testing.T) {
			t.Parallel()
			found := pin.Script(test.script, pin.Options{})
			if diff := cmp.Diff(test.want, said(found)); diff != "" {
				t.Errorf("%s\n%+v", diff, found)
			}
			for _, f := range found {
				if f.Problem.Remedy == "" || f.Problem.Limit == "" || f.Problem.Detail == "" || f.Problem.Value == "" || f.Kind == pin.Unknown {
					t.Errorf("%+v says too little", f)
				}
			}
		})
	}
}

// TestUnknown holds what cannot be judged: that is said, once for each cause.
func TestUnknown(t *testing.T) {
	t.Parallel()
	for _, script := range unknown {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			found := pin.Script(script, pin.Options{})
			if len(found) != 1 || found[0].Kind != pin.Unknown || found[0].Problem.Code != "CannotAnalyse" || found[0].Problem.Remedy == "" ||
				found[0].Problem.Limit == "" || found[0].Line < 1 || found[0].Column < 1 {
				t.Fatalf("%+v", found)
			}
			// A script that cannot be read may have a secret anywhere.
			if found[0].Problem.Value == "" && found[0].Problem.Limit != "a script that bash can read" {
				t.Errorf("%+v says too little", found[0])
			}
		})
	}
}

var unknown = []string{
	"pip install 'pandas",
	"pip install <pkg>",
	"if true; then pip install a==1",
	"pip install $PKGS",
	"pip install \"${PKG}\"",
	"pip install *",
	"pip install pandas==$VERSION",
	"pip install pandas==${VERSION:-1.5.3}",
	"V=1; V=2; pip install pandas==$V",
	"if x; then V=1; fi; pip install pandas==$V",
	"pip install a==$V; V=1",
	"read V; V=1; pip install a==$V",
	"V=1; ((V++)); pip install a==$V",
	"V=1; eval 'V=2'; pip install a==$V",
	"(V=1); pip install a==$V",
	"V=1 pip install a==$V",
	"pip install $(cat requirements.txt)",
	"pip install -r requirements.txt",
	"pip install -r \"$DIR/requirements.txt\"",
	"pip install -c constraints.txt pandas",
	"echo pandas==1 > r.txt; sed -i s/1/2/ r.txt; pip install -r r.txt",
	"for p in $(cat r.txt); do pip install $p; done",
	"while read -r p; do pip install \"$p\"; done < r.txt",
	"cat r.txt | xargs pip install",
	"xargs -n 1 -a r.txt pip install a==1",
	"cat r.txt | xargs -I{} pip install {}",
	"$PIP install pandas==1.5.3",
	"${SUDO} apt-get install -y git=1:2.39.2-1.1",
	"eval \"$CMD\"",
	"bash -c \"$CMD\"",
	"bash install.sh",
	"./install.sh --yes",
	". ./common.sh",
	"bash < install.sh",
	"cat install.sh | bash",
	"bash <<EOF\npip install $X\nEOF",
	"alias p='pip install'",
	"f() { f; }; f",
	"python setup.py install",
	"python -c 'import os; os.system(\"pip install a\")'",
	"python -m nltk.downloader punkt",
	"f() { while [ $# -gt 0 ]; do pip install $1; shift; done; }; f a",
	"apt-get install -y $PKGS",
	"yum install -y \"$PKG\"",
	"npm install",
	"conda env create -f environment.yml",
	"bundle install",
	"poetry install",
	"sdkmanager install x",
	"wget -i urls.txt",
	"curl -O $URL",
	"cat urls | xargs wget",
	"go install $X",
	"hg clone https://example.com/r",
	"python3 -m ensurepip --upgrade",
	"perl -e 'system(\"pip install x\")'",
	"perl -MLWP::Simple -e 'print get(\"a\")'",
	"perl -lne \"$PROGRAM\" f",
	"perl install.pl",
	"cat x.pl | perl",
	"perl <<'EOF'\nsystem('pip install x');\nEOF",
	"awk 'BEGIN{system(\"pip install x\")}'",
	"awk 'BEGIN{\"wget -qO- x\" | getline; print}'",
	"awk '{print | \"sh\"}' f",
	"awk -f x.awk f",
	"php -r 'shell_exec(\"x\");'",
	"ruby -e '`pip install x`'",
	"node -e 'require(\"child_process\").execSync(\"x\")'",
	"node install.js",
	"rsync -a host:/x /y",
	"rsync -a rsync://host/x /y",
	"rsync -a \"$FROM\" /y",
	"scp user@host:x .",
	"sftp host",
	"nc host 80 > x",
	"svn checkout https://example.com/r",
	"aws s3 cp s3://bucket/x .",
	"docker pull debian",
	"fetchit https://example.com/x",
	"unshare -r -n python3 setup.py install",
	"pip-sync",
	"pip install -Ur requirements.txt",
	"pip install -rrequirements.txt",
	"pip install -r <(echo pandas==1.5.3)",
	"echo pandas | pip install -r /dev/stdin",
	"pip wheel -r requirements.txt -w /wheels",
	"uv sync",
	"uv tool install black",
	"pipenv install",
	"apt-get build-dep -y python3",
	"apt-get install -y linux-headers-$(uname -r)",
	"tasksel install web-server",
	"snap install code",
	"pacman -Syu --noconfirm",
	"yarn",
	"pnpm install",
	"bun add x",
	"nvm install 18",
	"n 18",
	"dotnet tool install x",
	"code --install-extension x",
	"corepack prepare yarn@stable --activate",
	"jupyter labextension install x",
	"terraform init",
	"cpanm X",
	"Rscript -e 'install.packages(\"dplyr\")'",
	"python -m spacy download en_core_web_sm",
	"python -m playwright install",
	"conda install --yes --file r.txt",
	"wget $BASE/a.tgz",
	"svn export -r 123 https://h.org/r",
}

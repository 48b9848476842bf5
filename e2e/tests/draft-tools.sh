#!/bin/sh
# The files that pnpm, pip, cargo, go, npm and a database server make in a draft are kept as they were made, and work on the human's side; a restricted network holds in a draft, too.
# machines: none
# machines by hand: trixie bookworm
# flavour: paths
# npm tree: pnpm@9.15.9
# timeout: 900
. /opt/e2e/lib.sh
pnpm=/opt/e2e/npm/node_modules/.bin/pnpm
[ -e $pnpm ] || skip 'pnpm could not be had from npm'
ok as alice au new -y
in_p() { as alice sh -c 'cd p && "$@"' sh "$@"; }
drafted() { ok in_p au run --draft . sh -ec "$1"; }
ok as alice mkdir -p p/web/dep p/crate/src p/mod/inner p/package/counted
as alice sh -c 'cd p; git init -qb main; git config user.name Alice; git config user.email alice@example.org
	printf "{\"name\":\"dep\",\"version\":\"1.0.0\",\"bin\":\"x.js\"}" >web/dep/package.json; printf "#!/usr/bin/env node\nconsole.log(\"dep\")\n" >web/dep/x.js; chmod +x web/dep/x.js
	printf "{\"name\":\"top\",\"version\":\"1.0.0\",\"dependencies\":{\"dep\":\"file:dep\"}}" >web/package.json; echo store-dir=.store >web/.npmrc
	printf "[package]\nname = \"crate\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" >crate/Cargo.toml; echo "fn main() { println!(\"old\"); }" >crate/src/main.rs
	printf "module example.org/mod\n\ngo 1.19\n" >mod/go.mod; printf "package inner\n\nconst Word = \"old\"\n" >mod/inner/inner.go
	printf "package main\n\nimport \"example.org/mod/inner\"\n\nfunc main() { println(inner.Word) }\n" >mod/main.go
	printf "package inner\n\nimport \"testing\"\n\nfunc TestWord(t *testing.T) {\n\tif Word == \"\" {\n\t\tt.Error(Word)\n\t}\n}\n" >mod/inner/inner_test.go
	printf "int count(const char *s) { int n = 0; while (*s++) n++; return n; }\n" >package/counted/count.c
	printf "import ctypes, os\ncount = ctypes.CDLL(os.path.join(os.path.dirname(__file__), \"count.so\")).count\n" >package/counted/__init__.py
	printf "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n[project]\nname = \"counted\"\nversion = \"1.0\"\n" >package/pyproject.toml'
as alice sh -c 'cat >p/package/backend.py' <<'END'
import subprocess, zipfile

def build_wheel(folder, settings=None, metadata=None):
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "counted/count.so", "counted/count.c"], check=True)
    files = {name: open(name, "rb").read() for name in ("counted/__init__.py", "counted/count.so")}
    files["counted-1.0.dist-info/METADATA"] = b"Metadata-Version: 2.1\nName: counted\nVersion: 1.0\n"
    files["counted-1.0.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
    files["counted-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files).encode()
    with zipfile.ZipFile(f"{folder}/counted-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return "counted-1.0-py3-none-any.whl"
END
ok in_p sh -c 'git add .; git commit -qm first'
# A database that the human has, of which git knows nothing; sql starts its server, and ends it.
as alice sh -c 'cat >sql; chmod 755 sql' <<'END'
#!/bin/sh
at=$(mktemp -d)
/usr/sbin/mariadbd --no-defaults --datadir="$PWD/db" --skip-networking --socket="$at/socket" --pid-file="$at/pid" >"$at/log" 2>&1 &
client="mariadb --no-defaults --user=root --socket=$at/socket --skip-column-names --batch"
for n in $(seq 150); do $client -e 'select 1' >/dev/null 2>&1 && break; sleep 0.2; done
$client -e "$1" || cat "$at/log" >&2
$client -e shutdown
wait
rm -r "$at"
END
ok as alice cp sql p/.git/sql
ok in_p sh -c 'mariadb-install-db --no-defaults --datadir="$PWD/db" --auth-root-authentication-method=normal --skip-test-db >/dev/null 2>&1 && echo /db >>.git/info/exclude'
ok in_p .git/sql 'create database d; create table d.old (n int primary key, t text); insert into d.old values (1, "one"); create table d.gone (n int)'
text() { (cd /home/alice/p && find . -printf '%p %y %m %U %s %l\n' | sort; find . -type f -exec sha256sum {} + | sort -k2); }
text >"$e2e/before"
same() {
	text >"$e2e/now"
	cmp -s "$e2e/before" "$e2e/now" || fail "the folder should be as it was: $(diff "$e2e/before" "$e2e/now" | head -n 20)"
}

promise="pnpm"
drafted "cd web; $pnpm install --offline >/dev/null; node_modules/.bin/dep; $pnpm exec dep"
says_exactly 'dep
dep'
promise="pip, with a package that is built from C"
pip='env/bin/pip --quiet --disable-pip-version-check'
drafted "python3 -m venv env; $pip install --no-index --no-build-isolation --no-cache-dir ./package; env/bin/python -c 'import counted; print(counted.count(bytes([65] * 7)))'"
says_exactly 7
promise="cargo"
drafted 'cd crate; sed -i s/old/new/ src/main.rs; cargo build --offline --quiet; target/debug/crate; touch src/main.rs; cargo run --offline --quiet'
says_exactly 'new
new'
promise="go: build, test, vet, and a cache of modules that nobody may write"
go='export GOFLAGS=-mod=mod GOTOOLCHAIN=local GOCACHE=$PWD/.cache GOPATH=$PWD/.go; mkdir -p .go/pkg/mod/x; echo x >.go/pkg/mod/x/x; chmod 555 .go/pkg/mod/x'
drafted "cd mod; $go; sed -i s/old/new/ inner/inner.go; go build -o prog .; ./prog 2>&1; go test ./... >/dev/null; go vet ./..."
says_exactly new
promise="a database server: rows, a table that is altered, one that is removed, and one that is made"
drafted '.git/sql "insert into d.old select seq, repeat(\"x\", 1000) from d.seq_2_to_5000; alter table d.old add column more int default 7; drop table d.gone; create table d.new as select * from d.old limit 10; select count(*), sum(more) from d.old"'
says_exactly '5000	35000'
same

promise="npm, from a registry that a restricted network allows, and nothing else"
ok as alice sh -c 'mkdir packed && cd packed && npm pack --silent ../p/web/dep'
python3 /opt/e2e/tests/setup/registry.py 4873 /home/alice/packed/dep-1.0.0.tgz &
registry=$!
python3 -m http.server --bind 127.0.0.1 4874 >/dev/null 2>&1 &
trap 'kill $registry $!' EXIT
soon curl -fsS http://127.0.0.1:4873/dep
soon curl -fsS http://127.0.0.1:4874/
ok as alice au net restrict --allow localhost:4873
npm='npm install --silent --no-audit --no-fund --prefer-online --registry http://127.0.0.1:4873/'
drafted "mkdir npm; cd npm; echo '{\"name\":\"n\",\"version\":\"1.0.0\"}' >package.json; $npm dep >/dev/null; node_modules/.bin/dep; ! curl -fsS -m 5 http://127.0.0.1:4874/ 2>/dev/null"
says_exactly dep
ok in_p au net log --denied
says ':4874'
ok as alice au net off
same

promise="undo brings back what was there, and what is kept works on the human's side"
ok in_p au draft keep -y
ok in_p au draft undo -y
same
ok in_p au draft keep -y
ok in_p sh -ec "cd web; node_modules/.bin/dep; $pnpm install --offline --frozen-lockfile >../log; ! grep -q 'removed and reinstalled' ../log; rm ../log; $pnpm exec dep"
says_exactly 'dep
dep'
ok in_p sh -ec "env/bin/python -c 'import counted; print(counted.count(bytes([65] * 7)))'; $pip uninstall --yes counted; $pip install --no-index --no-build-isolation --no-cache-dir ./package; env/bin/python -c 'import counted'"
says_exactly 7
ok in_p sh -ec 'cd crate; target/debug/crate; cargo build --offline --quiet; cargo run --offline --quiet'
says_exactly 'new
new'
ok in_p sh -ec "cd mod; ./prog 2>&1; stat -c %a .go/pkg/mod/x; $go; go build -o prog .; ./prog 2>&1; go test ./... >/dev/null"
says_exactly 'new
555
new'
ok in_p .git/sql 'check table d.old, d.new; select count(*), sum(more) from d.old; select count(*) from d.new; insert into d.old values (5001, "y", 1); show tables in d'
says 'd.old	check	status	OK'
says '5000	35000'
says_not gone
ok in_p sh -ec 'npm/node_modules/.bin/dep; git status --porcelain -uno; git fsck --no-progress'
says dep
ok find /home/alice/p ! -user alice
silent

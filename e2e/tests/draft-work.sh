#!/bin/sh
# Real work in a draft (npm, make, git rebase and checkout, python, sqlite, an editor's save) is kept as it was made, and works on the human's side; limits and pause hold there.
# machines: trixie
# machines by hand: bookworm
# flavour: node
. /opt/e2e/lib.sh
ok as alice au new -y
in_p() { as alice sh -c 'cd p && "$@"' sh "$@"; }
ok as alice sh -c 'mkdir -p p/lib; cd p; git init -qb main; git config user.name Alice; git config user.email alice@example.org
	printf "all: hello\nhello: hello.c\n\tgcc -o hello hello.c\n" >Makefile
	printf "#include <stdio.h>\nint main(void) { puts(\"old\"); return 0; }\n" >hello.c
	printf "{\"name\": \"lib\", \"version\": \"1.0.0\", \"main\": \"index.js\"}" >lib/package.json; echo "module.exports = 42" >lib/index.js
	printf "{\"name\": \"p\", \"version\": \"1.0.0\", \"scripts\": {\"build\": \"node build.js\"}}" >package.json
	echo "require(\"fs\").writeFileSync(\"out.txt\", String(require(\"lib\")))" >build.js
	printf "node_modules\nhello\nout.txt\ndata.db*\nenv\n" >.gitignore
	python3 -c "import sqlite3; c = sqlite3.connect(\"data.db\"); c.execute(\"create table t (x)\"); c.execute(\"insert into t values (1)\"); c.commit()"
	git add .; git commit -qm first; git branch side; echo main >main.txt; git add .; git commit -qm second'
text() { (cd /home/alice/p && find . -printf '%p %y %m %U %s %l\n' | sort; find . -type f -exec sha256sum {} + | sort -k2); }
text >"$e2e/before"

promise="each tool does in a draft what it does in the folder"
ok in_p au run --draft . sh -ec 'git checkout -q side; echo side >side.txt; git add .; git commit -qm third; git rebase -q main; git checkout -q main; git merge -q --ff-only side; git status --porcelain; git log --format=%s'
says_exactly 'third
second
first'
ok in_p au run --draft . sh -ec 'sed -i s/old/new/ hello.c; make -s; ./hello; touch Makefile hello.c; make -s; ./hello'
says_exactly 'new
new'
ok in_p au run --draft . sh -ec 'npm install --silent --no-audit --no-fund --offline ./lib >/dev/null; npm run --silent build; cat out.txt; echo; test -e node_modules/lib/index.js'
says_exactly 42
ok in_p au run --draft . python3 -c 'import sqlite3
c = sqlite3.connect("data.db")
c.execute("pragma journal_mode=wal")
with c: c.executemany("insert into t values (?)", [(n,) for n in range(1000)])
print(c.execute("select count(*) from t").fetchone()[0], c.execute("pragma integrity_check").fetchone()[0])'
says_exactly '1001 ok'
ok in_p au run --draft . sh -ec 'python3 -m venv --without-pip env; env/bin/python -c "import sys; print(sys.prefix)"'
says_exactly /home/alice/p/env
# An editor that puts a new file in the place of the old one, and one that writes to it.
ok in_p au run --draft . sh -ec 'for how in no yes; do
	was=$(stat -c %i main.txt)
	printf "a\nmore\n.\nwq\n" | vim.tiny -u NONE -es --cmd "set writebackup backupcopy=$how" main.txt
	[ "$was" = "$(stat -c %i main.txt)" ] && echo in place || echo replaced
done; ls -A | grep -c "main.txt.\|swp" || true; cat main.txt'
says_exactly 'replaced
in place
0
main
more
more'
text >"$e2e/now"
cmp -s "$e2e/before" "$e2e/now" || fail "the folder should be as it was: $(diff "$e2e/before" "$e2e/now")"

promise="limits, pause and a restricted network are the same in a draft"
ok as alice au limits set --tasks 50
ok in_p au run --draft . python3 -c 'import os, time
n = 0
try:
    while n < 100:
        if os.fork() == 0: time.sleep(5); os._exit(0)
        n += 1
except OSError: pass
print("limited" if n < 60 else n)'
says_exactly limited
as alice sh -c 'cd p && exec au run --draft . sh -c "while :; do date +%s%N >beat; sleep 0.05; done"' >/dev/null 2>&1 &
upper=$(echo /home/alice/.local/state/au/drafts/agent-*/upper)
soon test -e "$upper/beat"
ok as alice au pause
one=$(cat "$upper/beat"); sleep 0.5
[ "$one" = "$(cat "$upper/beat")" ] || fail "a paused run should not go on in its draft"
ok as alice au resume
soon sh -c "[ '$one' != \"\$(cat $upper/beat)\" ]"
ok as alice au stop
soon in_p au run --draft . rm beat
ok as alice au limits reset
as alice python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 &
soon in_p au run --draft . curl -fsS -o page http://127.0.0.1:8000/
ok as alice au net restrict --allow allowed.test
e2e_run in_p au run --draft . curl -fsS -m 5 -o page http://127.0.0.1:8000/
[ "$e2e_status" != 0 ] || fail "the agent reached a server of the human's"
ok as alice au net off
ok in_p au run --draft . rm page

promise="what is kept works on the human's side, and undo takes all of it back"
ok in_p au draft keep -y
ok in_p au draft undo -y
text >"$e2e/now"
cmp -s "$e2e/before" "$e2e/now" || fail "undo should bring back: $(diff "$e2e/before" "$e2e/now")"
ok in_p au draft keep -y
ok in_p sh -ec './hello; make -s; git log --format=%s -1; git status --porcelain; git fsck --no-progress; node -e "console.log(require(\"lib\"))"; env/bin/python -c "print(1)"; cat main.txt out.txt; git checkout -q side; git checkout -q main'
says 'new'
says 'third'
says '42'
says 'M main.txt'
ok in_p python3 -c 'import sqlite3; c = sqlite3.connect("data.db"); print(c.execute("select count(*) from t").fetchone()[0])'
says_exactly 1001

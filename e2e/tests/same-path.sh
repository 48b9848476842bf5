#!/bin/sh
# A share is at its own path for the agent as well: what recorded an absolute path on either side goes on working on the other.
# machines: trixie
# machines by hand: bookworm true true-bookworm
# flavour: node
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir -p -m 700 work/shop; git config --global user.email a@example; git config --global user.name Alice; git config --global init.defaultBranch main'
shop=/home/alice/work/shop
ok as alice au mount add --rw work/shop
says "Shared: agent agent sees $shop read-write at that path and at /home/agent/work/shop"
ok as alice au run sh -c 'git config --global user.email agent@example; git config --global user.name Agent; git config --global init.defaultBranch main'
in_shop() { as alice sh -c "cd $shop && $1"; }
by_agent() { as alice sh -c "cd $shop && au run sh -c '$1'"; }

promise="a run begins where it is called, and each way to ask says the same on both sides"
for where in $shop $shop/deep/er; do
	as alice mkdir -p $where
	for ask in pwd 'pwd -P' 'realpath .' 'python3 -c "import os; print(os.getcwd())"' 'node -p "process.cwd()"' 'readlink /proc/self/cwd'; do
		ok as alice sh -c "cd $where && $ask"
		says_exactly $where
		ok as alice sh -c "cd $where && au run $ask"
		says_exactly $where
	done
done
ok as alice au run -d work/shop pwd
says_exactly $shop
ok as alice au run -d /home/agent/work/shop pwd
says_exactly /home/agent/work/shop
ok as alice au run sh -c 'echo $HOME'
says_exactly /home/agent
as alice ln -s work/shop link
ok as alice sh -c 'cd link && au run pwd'
says_exactly $shop

promise="it is one folder at two places, and beside it nothing of the home is seen or written"
ok as alice sh -c 'touch beside work/beside'
ok by_agent 'touch made; ls /home/agent/work/shop'
says made
ok stat -c %U $shop/made
says_exactly alice
ok by_agent 'ls -A /home/alice /home/alice/work'
says_exactly '/home/alice:
work

/home/alice/work:
shop'
fails 1 by_agent 'touch ../x'
complains 'Read-only file system'
fails 1 by_agent 'mkdir /home/alice/y'
fails 1 by_agent 'mv ../shop ../shop2'

promise="git: the top of a repository, a linked worktree of either side, prune and gc from both"
ok in_shop 'git init -q repo && cd repo && echo 1 >file && git add . && git commit -qm first && git worktree add -q ../wt'
ok as alice sh -c "cd $shop/repo && au run git rev-parse --show-toplevel"
says_exactly $shop/repo
ok as alice sh -c "cd $shop/wt && au run sh -c 'git status --porcelain && echo 2 >file && git commit -qam second && git log --format=%an -1'"
says_exactly Agent
ok in_shop 'cd wt && git status --porcelain && git log --format=%an -1'
says_exactly Agent
ok as alice sh -c "cd $shop/repo && au run git worktree add -q ../of-agent"
ok in_shop 'cd of-agent && git status --porcelain && git rev-parse --git-common-dir'
says_exactly $shop/repo/.git
for prune in 'git worktree prune' 'git gc -q --prune=now'; do
	ok as alice sh -c "cd $shop/repo && $prune && au run $prune"
	ok as alice sh -c "cd $shop/repo && git worktree list | grep -c ."
	says_exactly 3
done
ok as alice sh -c "cd $shop/repo && au run git worktree remove ../of-agent && git worktree list | grep -c ."
says_exactly 2

promise="git: submodules, a push and a clone by path and by file://, alternates, bisect's and rebase's absolute paths"
ok in_shop 'git init -q --bare bare.git && cd repo && git remote add origin $PWD/../bare.git && git push -q origin main'
ok as alice sh -c "cd $shop/repo && au run git push -q origin main && au run git fetch -q"
ok in_shop "git -c protocol.file.allow=always clone -q $shop/bare.git clone && cd clone && git -c protocol.file.allow=always submodule --quiet add $shop/bare.git sub && git commit -qm sub"
ok as alice sh -c "cd $shop/clone/sub && au run git status --porcelain"
ok as alice sh -c "cd $shop/clone && au run git submodule status"
says sub
ok as alice sh -c "cd $shop && au run git clone -q file://$shop/bare.git by-url && git -C by-url pull -q"
ok as alice sh -c "cd $shop && au run git clone -qs $shop/repo shared && git -C shared fsck"
ok as alice sh -c "cd $shop/wt && au run sh -c 'echo 3 >third && git add . && git commit -qm third && git rebase -q --onto main HEAD~1'"
ok in_shop 'cd wt && git status --porcelain && git log --format=%s -1'
says_exactly third

promise="a Python environment of either side, its scripts, activate, and compiled files that name a source"
for maker in '' 'au run '; do
	ok as alice sh -c "cd $shop && rm -rf env && ${maker}python3 -m venv --without-pip env && printf '#!%s/env/bin/python\nimport sys; print(sys.prefix)\n' \$PWD >env/bin/tool && chmod +x env/bin/tool"
	for user in '' 'au run '; do
		ok as alice sh -c "cd $shop && ${user}env/bin/tool"
		says_exactly $shop/env
		ok as alice sh -c "cd $shop && ${user}sh -c '. env/bin/activate && python -c \"import sys; print(sys.prefix)\"'"
		says_exactly $shop/env
	done
done
ok by_agent 'printf "def f():\n    raise ValueError\nf()\n" >trace.py; python3 -m py_compile trace.py; python3 trace.py 2>&1 | grep File'
ok in_shop 'python3 -m py_compile trace.py; python3 trace.py 2>&1 | grep File | head -n 1'
says "$shop/trace.py"

promise="C: a build by absolute paths goes on without making anything anew, and debuggers and messages name files that are there"
ok in_shop 'printf "int main(void) { return 0; }\n" >main.c; printf "D := %s\n\$D/main: \$D/main.c\n\tcc -g -o \$@ \$<\n" $PWD >Makefile; make -s'
ok as alice sh -c "cd $shop && au run make -q && au run touch main.c && au run make -s && make -q"
ok by_agent 'echo "int x = ;" >bad.c; cc -c $PWD/bad.c 2>&1 | head -n 1; true'
says "$shop/bad.c:1:"
ok as alice sh -c "cd $shop && au run cc -g -c main.c && readelf --debug-dump=info main.o | grep comp_dir; readelf --debug-dump=line-str,str main.o 2>/dev/null | grep -q $shop || strings -a main.o | grep -q $shop"

promise="JavaScript: links between packages, source maps, and modules by absolute path or file URL"
ok by_agent 'mkdir -p js/dep && cd js && echo "{\"name\":\"dep\",\"version\":\"1.0.0\",\"bin\":\"x.js\"}" >dep/package.json && printf "#!/usr/bin/env node\nconsole.log(__filename)\n" >dep/x.js && chmod +x dep/x.js && echo "{\"name\":\"top\",\"version\":\"1.0.0\",\"dependencies\":{\"dep\":\"file:dep\"}}" >package.json && npm install --offline --no-audit --no-fund'
for user in '' 'au run '; do
	ok as alice sh -c "cd $shop/js && ${user}node_modules/.bin/dep"
	says $shop/js/
	ok as alice sh -c "cd $shop/js && ${user}node -e 'import(\"file://$shop/js/dep/x.js\")'"
	says_exactly $shop/js/dep/x.js
done
ok as alice sh -c "cd $shop/js && npm install --offline --no-audit --no-fund && au run npm ls dep"
says dep@1.0.0

promise="an editor that drives an agent by absolute paths over its standard input and output"
cat >/opt/agent.py <<'END'
import json, os, sys
for line in sys.stdin:
    ask = json.loads(line)
    if ask["method"] == "session/new": os.chdir(ask["params"]["cwd"]); result = {"sessionId": "1"}
    elif ask["method"] == "write": open(ask["params"]["path"], "w").write(ask["params"]["content"]); result = {}
    else: result = {"content": open(ask["params"]["path"]).read(), "cwd": os.getcwd()}
    print(json.dumps({"jsonrpc": "2.0", "id": ask["id"], "result": result}), flush=True)
END
ok in_shop "printf '%s\n' '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session/new\",\"params\":{\"cwd\":\"$shop\"}}' '{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"write\",\"params\":{\"path\":\"$shop/by-editor\",\"content\":\"hello\"}}' '{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"read\",\"params\":{\"path\":\"$shop/by-editor\"}}' | au run -- python3 /opt/agent.py | tail -n 1"
says_exactly "{\"jsonrpc\": \"2.0\", \"id\": 3, \"result\": {\"content\": \"hello\", \"cwd\": \"$shop\"}}"
ok grep -qx hello $shop/by-editor

promise="a tool in the home is used at its path, read-only"
as alice sh -c 'mkdir -p .tools/bin && printf "#!/bin/sh\necho tool at \$0\n" >.tools/bin/tool && chmod +x .tools/bin/tool'
ok as alice au mount add .tools
ok as alice au run /home/alice/.tools/bin/tool
says_exactly 'tool at /home/alice/.tools/bin/tool'
fails 1 as alice au run touch /home/alice/.tools/x
complains 'Read-only file system'

promise="a share in a share, and many, some deep, each with its own access"
as alice sh -c 'mkdir -p docs/drafts && for i in $(seq 64); do mkdir -p many/$i/a/b/c; done'
ok as alice au mount add docs
ok as alice au mount add --rw docs/drafts
ok as alice au run sh -c 'touch /home/alice/docs/drafts/x /home/agent/docs/drafts/y; touch /home/alice/docs/x 2>&1; ls /home/alice/docs/drafts'
says 'Read-only file system'
says y
as alice sh -c 'for i in $(seq 64); do au mount add many/$i/a/b/c >/dev/null || exit; done'
ok as alice au run sh -c 'ls -d /home/alice/many/*/a/b/c | grep -c .'
says_exactly 64
ok as alice sh -c 'cd many/64/a/b/c && au run pwd'
says_exactly /home/alice/many/64/a/b/c

promise="what the human mounts in it later is there at both places"
mount --make-rshared / # as systemd has it
as alice sh -c "cd $shop && au run sh -c 'until [ -e go ]; do sleep 0.1; done; ls deep/er /home/agent/work/shop/deep/er'" >/run/e2e/reader 2>&1 &
reader=$!
soon pgrep -u agent -f 'until'
mount -t tmpfs none $shop/deep/er && touch $shop/deep/er/mounted && chmod 755 $shop/deep/er
as alice touch $shop/go
wait $reader
[ "$(grep -cx mounted /run/e2e/reader)" = 2 ] || fail "it should be seen at both places: $(cat /run/e2e/reader)"
umount $shop/deep/er

promise="--target-only and same_path = false keep a share to its target, and show nothing of the names above it"
ok as alice au mount add --rw --target-only work/shop
says "Shared anew: agent agent sees $shop read-write at /home/agent/work/shop"
ok as alice grep -c 'same_path = false' /home/alice/.config/agent-as-unix-user.toml
says_exactly 1
ok as alice sh -c "cd $shop/deep && au run pwd"
says_exactly /home/agent/work/shop/deep
fails 2 as alice au run ls /home/alice/work
ok as alice au mount list
says "$shop -> /home/agent/work/shop [rw, target only]"
ok as alice sh -c 'au mount list --json | jq -c "[.[] | select(.source == \"'$shop'\") | .same_path]"'
says_exactly '[false]'
ok as alice au mount add --rw work/shop
says 'at that path and at'
ok as alice au run -d work/shop pwd
says_exactly $shop

promise="beside a policy of before, a share is at its target"
sed -i '1s/2$/1/' /etc/au/agents/agent
ok as alice sh -c "cd $shop && au run pwd"
says_exactly /home/agent/work/shop
ok as alice au new -y
ok as alice sh -c "cd $shop && au run pwd"
says_exactly $shop

promise="a share that is gone is left out, and its path with it; a run that begins there is refused"
as alice mv docs docs2
ok as alice au run ls -A /home/alice
says_not docs
complains 'share /home/alice/docs is left out of this run'

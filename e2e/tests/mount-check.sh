#!/bin/sh
# au mount check finds what reaches beyond a share and what runs by itself on the human's side.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir proj && cd proj && git init -q -b main . && git config user.email a@b && git config user.name a && echo x > x && git add . && git commit -qm x &&
	mkdir -p node_modules/dep && echo "{\"scripts\":{\"install\":\"x\"}}" > node_modules/dep/package.json && echo "{\"scripts\":{\"test\":\"x\"}}" > package.json &&
	ln -s x inside && ln -s /usr/bin/env env && ln x x2 && touch Makefile'
ok as alice au mount add --rw proj
ok as alice au mount check proj
says '/home/alice/proj: nothing found'
ok as alice au mount check --json
says '"findings": []'

found() { # KIND PATH…: check finds exactly these
	kind=$1
	shift
	fails 1 as alice au mount check --json proj
	jq -r '.[0].findings[] | .kind + " " + .path' < /run/e2e/out > /run/found
	for path; do
		grep -qxF "$kind $path" /run/found || fail "check should find $kind $path: $(cat /run/found)"
	done
	[ "$(wc -l < /run/found)" = $# ] || fail "check should find $# things: $(cat /run/found)"
}
plant() { as alice au run sh -c "cd proj && $1" > /run/plant 2>&1 || fail "plant: $(cat /run/plant)"; }
as alice sh -c 'cd proj && install -m 4755 x suid && install -m 2755 x sgid'
found set-id suid sgid
rm /home/alice/proj/s?id
plant 'printf "#!/bin/sh\n" > .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit'
found git-hook .git/hooks/pre-commit
plant 'chmod -x .git/hooks/pre-commit'
ok as alice au mount check proj
plant 'cp .git/config /tmp/config && git config core.fsmonitor ./evil'
found git-config .git/config
plant 'cp /tmp/config .git/config && printf "[core]\n\thooksPath\\\n = x\n[filter \"a.b\"] clean = \"x y\"\n[alias] st = status\n\tx = !sh\n[Include]path=../x # c\n" >> .git/config'
fails 1 as alice au mount check proj
says 'filter.a.b.clean = x y'
says 'alias.x = !sh'
says 'include.path = ../x'
says_not 'alias.st'
plant 'cp /tmp/config .git/config && git init -q sub && git -C sub config alias.x "!id"'
fails 1 as alice au mount check proj
says 'sub/.git/config (alias.x = !id)'
says 'sub/.git (in the repository .)'
plant 'rm -r sub && git init -q --bare bare'
found git-nested bare
plant 'rm -r bare && mkdir other && cp .git/HEAD other/ && mkdir -p elsewhere/objects elsewhere/refs && echo ../elsewhere > other/commondir'
found git-config other/commondir
plant 'rm -r other elsewhere && mkdir away && echo "gitdir: /tmp/x/.git" > away/.git'
found git-nested away/.git
plant 'rm -r away && touch .envrc && mkdir -p d/.vscode && echo "{\"tasks\":[{\"runOptions\":{\"runOn\":\"folderOpen\"}}]}" > d/.vscode/tasks.json && mkdir .husky && touch .husky/pre-push'
found runs .envrc d/.vscode/tasks.json .husky/pre-push
plant 'rm -r .envrc d .husky && echo "{\"scripts\":{\"preinstall\":\"x\"}}" > package.json'
found runs package.json
plant 'rm package.json && echo x > evil && ln -s evil .envrc && mkdir v && echo folderOpen > v/tasks.json && ln -s v .vscode'
found runs .envrc .vscode/tasks.json
plant 'rm -r evil .envrc v .vscode && touch package.json'
plant 'rm package.json && ln -s ../.bashrc rc && ln -s /home/alice/.ssh ssh && ln -s /home/alice/proj/x fine && ln -s node_modules/../../x up'
found symlink rc ssh up
plant 'rm rc ssh fine up && mkfifo pipe'
found special pipe
rm /home/alice/proj/pipe
as alice ln proj/x outside
found hard-link x
rm /home/alice/outside
touch /home/alice/proj/roots
found owner roots
rm /home/alice/proj/roots
plant 'mkdir shut && chmod 0 shut'
found unreadable shut
plant 'rmdir shut'
ok as alice au mount check

promise="a tree that is deeper than a path may be long hides nothing"
plant 'python3 -c "
import os
for i in range(60): os.mkdir(chr(100)*100); os.chdir(chr(100)*100)
open(\".envrc\", \"w\")"'
fails 1 as alice au mount check proj
says '.envrc (direnv runs it'
plant 'python3 -c "
import os
for i in range(60): os.chdir(chr(100)*100)
os.remove(\".envrc\")
for i in range(60): os.chdir(\"..\"); os.rmdir(chr(100)*100)"'
ok as alice au mount check proj

promise="names are shown so that they cannot be taken for anything else"
plant 'mkfifo "$(printf "a\033[31m")"'
fails 1 as alice au mount check proj
says "\$'a\\033[31m'"
plant 'rm a*'

promise="progress is for terminals; any folder can be looked into; one that is not there is an error"
ok as alice au mount check proj
[ ! -s /run/e2e/err ] || fail "nothing should be on standard error"
as alice mkdir plain
ok as alice au mount check plain
fails 1 as alice au mount check nosuch
complains 'nosuch'

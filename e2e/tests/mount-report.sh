#!/bin/sh
# After a run in a writable share, what it changed among the things that run by themselves is reported, and nothing else.
# machines: trixie
# machines by hand: bookworm
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir proj ro && cd proj && git init -q . && touch .envrc old && mkdir sub'
ok as alice au mount add ro
ok as alice au run true
[ ! -s /run/e2e/err ] || fail "without a writable share nothing should be said"
ok as alice au mount add --rw proj
quiet() { ok as alice au run sh -c "cd proj && $1"; [ ! -s /run/e2e/err ] || fail "nothing should be reported"; }
told() { ok as alice au run sh -c "cd proj && $1"; complains "$2"; complains 'au: hint: au mount check --agent agent /home/alice/proj'; }
quiet true
quiet 'echo x > old && git add old && git -c user.email=a@b -c user.name=a commit -qm x && ls -la > list'
quiet 'git config user.name x'
quiet 'touch .git/hooks/pre-commit'
told 'chmod +x .git/hooks/pre-commit' 'au:   .git/hooks/pre-commit (git hook)'
quiet true
told 'git config core.fsmonitor ./x' 'au:   .git/config (git config: core.fsmonitor = ./x)'
quiet 'git config --unset core.fsmonitor'
told 'git config include.path ../shared' 'au:   .git/config (git config: include.path = ../shared)'
quiet 'git config --file shared user.name x'
told 'git config --file shared core.fsmonitor ./evil' 'au:   shared (git config: core.fsmonitor = ./evil)'
fails 1 as alice au mount check proj
says 'shared (core.fsmonitor = ./evil)'
quiet 'rm shared && git config --unset include.path'
told 'echo x >> .envrc' 'au:   .envrc (direnv runs it'
told 'mkdir .vscode; echo folderOpen > .vscode/tasks.json' 'au:   .vscode/tasks.json (VS Code'
told 'git init -q sub' 'au:   sub/.git (repository)'
told 'mkfifo pipe' 'au:   pipe (FIFO)'
told 'ln -s /home/alice/.bashrc rc' 'au:   rc (link: to /home/alice/.bashrc)'
quiet 'ln -s old link'
quiet 'rm -rf pipe rc .envrc'

promise="what a check finds that a run changed, the report on that run names, however it came about"
as alice sh -c 'cd proj && rm -rf sub .vscode && git init -q ../lib && git -C ../lib -c user.email=a@b -c user.name=a commit -qm x --allow-empty &&
	git -c protocol.file.allow=always submodule --quiet add /home/alice/lib mod && git -c user.email=a@b -c user.name=a commit -qam mod && git worktree add -q wt'
as alice rm -f proj/.git/hooks/pre-commit
ok as alice au run true
quiet 'git status -s && git -C mod status && git checkout -q -b other && echo y > mod/y'
told 'git -C mod config core.fsmonitor ./evil' 'au:   .git/modules/mod/config (git config: core.fsmonitor = ./evil)'
quiet true
quiet 'git -C mod config --unset core.fsmonitor'
told 'printf "[core]\n\tfsmonitor = ./evil\n" > .git/worktrees/wt/config.worktree' 'au:   .git/worktrees/wt/config.worktree (git config: core.fsmonitor = ./evil)'
quiet 'rm .git/worktrees/wt/config.worktree'
quiet 'mkdir -p deep/er/o deep/er/refs && printf "[core]\n\tfsmonitor = ./evil\n" > deep/er/config && echo "ref: refs/heads/x" > deep/er/HEAD'
told 'mv deep/er/o deep/er/objects' 'au:   deep/er/config (git config: core.fsmonitor = ./evil)'
quiet 'mkdir -p node_modules/d && touch node_modules/d/.envrc && rm -r deep'
told 'mv node_modules/d d' 'au:   d/.envrc (direnv runs it'
quiet 'rm -r d; mkdir a b; ln -s ../b/x a/.envrc'
told 'touch b/x' 'au:   a/.envrc (direnv runs it'
quiet 'rm -r a b'
told 'ln -s /home/alice/.bashrc "$(printf "l\nau: hint: x")"' "\$'l\\nau: hint: x' (link: to /home/alice/.bashrc)"
! grep -q '^au: hint: x' /run/e2e/err || fail "a name should not be taken for a hint"
as alice sh -c 'rm proj/l*'

promise="so is what a mapping of a file in memory changed, wherever in the share that is"
as alice sh -c 'mkdir proj/in'
mount -t tmpfs -o "mode=700,uid=$(id -u alice),gid=$(id -g alice)" tmpfs /home/alice/proj/in
as alice sh -c 'echo one >proj/in/.envrc'
ok as alice au run true
complains 'au:   in/.envrc (direnv runs it'
quiet 'cat in/.envrc && touch old'
told 'python3 -c "import mmap; f = open(\"in/.envrc\", \"r+b\"); m = mmap.mmap(f.fileno(), 4); m[0]; m[0:3] = b\"two\""' 'au:   in/.envrc (direnv runs it'
as alice grep -qx two proj/in/.envrc || fail "it was not written"
quiet true
umount /home/alice/proj/in
as alice rmdir proj/in

promise="what the human changed is theirs, and is not reported"
as alice sh -c 'cd proj && git config core.pager ./mine && touch .mise.toml'
quiet true
quiet 'touch old'

promise="a share is remembered for as long as it is one"
[ -d /home/alice/.config/agent-as-unix-user.seen ] || fail "what was found should be remembered"
ok as alice au mount add --rw lib
fails 1 as alice au mount add --rw .config
ok as alice au mount remove proj
[ "$(ls /home/alice/.config/agent-as-unix-user.seen | wc -l)" -le 1 ] || fail "a share that is none any more should be forgotten"
ok as alice au mount remove lib
[ ! -e /home/alice/.config/agent-as-unix-user.seen ] || fail "nothing should be left"
ok as alice au mount add --rw proj
as alice sh -c 'cd proj && git config --unset core.pager; rm .mise.toml'

promise="the run ends as it did, with its output alone on standard output"
fails 42 as alice au run sh -c 'echo out; touch proj/.envrc; exit 42'
says_exactly out
complains .envrc
fails 143 as alice au run sh -c 'touch proj/.mise.toml; kill $$'
complains .mise.toml
ok as alice au run --rw proj touch proj/.envrc
complains .envrc
ok at_terminal alice au run touch proj/.envrc
says .envrc
ok as alice au run --ro proj true
[ ! -s /run/e2e/err ] || fail "a read-only share should not be reported on"

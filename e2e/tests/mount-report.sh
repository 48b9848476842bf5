#!/bin/sh
# After a run in a writable share, what it changed among the things that run by themselves is reported, and nothing else.
# machines: trixie
# machines by hand: bookworm
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
told 'echo x >> .envrc' 'au:   .envrc (direnv runs it'
told 'mkdir .vscode; echo folderOpen > .vscode/tasks.json' 'au:   .vscode/tasks.json (VS Code'
told 'git init -q sub' 'au:   sub/.git (repository)'
told 'mkfifo pipe' 'au:   pipe (FIFO)'
told 'ln -s /home/alice/.bashrc rc' 'au:   rc (link: to /home/alice/.bashrc)'
quiet 'ln -s old link'
quiet 'rm -rf pipe rc .envrc'

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

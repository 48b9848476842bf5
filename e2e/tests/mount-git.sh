#!/bin/sh
# git works on both sides of a writable share, without safe.directory.
# machines: trixie
# machines by hand: bookworm
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir -m 700 work && git config --global user.email a@example && git config --global user.name Alice'
ok as alice au mount add --rw work
ok as alice au run sh -c 'git config --global user.email agent@example && git config --global user.name Agent'

ok as alice sh -c 'cd work && git init -q -b main repo && cd repo && seq 1000 > numbers && git add . && git commit -qm first'
ok as alice sh -c 'cd work/repo && au run git status --porcelain'
silent
ok as alice sh -c 'cd work/repo && au run sh -c "echo agent > file && git add . && git commit -qm second && git log --format=%an"'
says_exactly 'Agent
Alice'
ok as alice sh -c 'cd work/repo && git status --porcelain && git log --format=%an && git fsck --strict 2>&1'
says_exactly 'Agent
Alice'
ok as alice sh -c 'cd work/repo && echo more >> file && git commit -qam third && git gc -q && au run git fsck --strict'
ok as alice sh -c 'cd work/repo && au run sh -c "git checkout -qb side && git commit -q --allow-empty -m fourth && git checkout -q main && git merge -q side && git gc -q && git stash list"'
ok as alice sh -c 'cd work && au run git clone -q repo clone && au run git -C clone status --porcelain && git -C clone status --porcelain && git -C clone fsck --strict'
ok find /home/alice/work ! -user alice
silent
fails 1 as alice git config --global --get-all safe.directory
silent
fails 1 as alice au run git config --global --get-all safe.directory
silent
ok as alice au run rm -rf work/clone
ok as alice rm -rf work/repo

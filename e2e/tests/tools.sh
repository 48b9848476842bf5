#!/bin/sh
# Ordinary tools work in the agent's home, on files from both sides.
# machines: trixie
# machines by hand: bookworm
# flavour: node
. /opt/e2e/lib.sh
ok as alice au new -y

as alice sh -c 'cd /home/agent && mkdir -p fromhuman/sub && echo 1 > fromhuman/sub/f'
ok as alice au run sh -c 'set -e
cp -a fromhuman copy && cp -a /etc/skel skel && install -d -m 755 made made/deep && chmod u+x made && chmod 2775 made
tar cf t.tar fromhuman && mkdir x && tar xpf t.tar -C x && rsync -a fromhuman/ synced/ && echo 2 >> fromhuman/sub/f && rm -r x'
ok as alice sh -c 'cd /home/agent && cat fromhuman/sub/f && echo 3 >> made/h && rm -r copy'
says '2'

promise="git works from both sides of the home"
ok as alice au run sh -c 'set -e; git init -q repo; cd repo; git config user.name a; git config user.email a@b; echo 1 > f; git add f; git commit -qm one; git fsck'
ok as alice sh -c 'cd /home/agent/repo && echo 2 >> f && git -c safe.directory=/home/agent/repo status --short'
says 'M f'
ok as alice au run sh -c 'cd repo && git commit -qam two && git log --oneline | wc -l'
says_exactly 2

promise="a project is cloned, built and tested"
ok as alice au run sh -c 'set -e; mkdir src; cd src; git init -q; git config user.name a; git config user.email a@b
printf "all: hello\nhello: hello.c\n\tgcc -o hello hello.c\ncheck: hello\n\t./hello | grep -q hi\n" > Makefile
printf "#include <stdio.h>\nint main(void) { puts(\"hi\"); return 0; }\n" > hello.c
git add . ; git commit -qm one; cd; git clone -q src work; cd work; make -s && make -s check'

promise="ssh takes the agent's own keys and config"
ok as alice au run sh -c 'set -e; ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519; printf "Host x\n  User y\n" > ~/.ssh/config; ssh -G x | grep "^user "'
says_exactly 'user y'
ok stat -c '%a %U' /home/agent/.ssh /home/agent/.gnupg
says_exactly '700 agent
700 agent'
ok sh -c 'getfacl -p --skip-base /home/agent/.ssh'
silent

promise="npm runs scripts and links programs"
ok as alice au run sh -c 'set -e; mkdir -p pkg && cd pkg && npm init -y >/dev/null && npm pkg set scripts.test="node -e \"console.log(42)\"" && npm test --silent'
says_exactly 42

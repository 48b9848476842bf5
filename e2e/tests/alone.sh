#!/bin/sh
# One program of au that was copied, or installed by go install, does all that au does where there is a C compiler, and else says what is missing.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
as alice mkdir bin
install -o alice -g alice -m 755 /usr/local/libexec/au/au-complete /home/alice/bin/au
cp /usr/local/bin/au /opt/front
rm -r /usr/local/bin/au /usr/local/libexec/au /usr/local/share/man/man1 /usr/local/share/bash-completion
alone() { as alice /home/alice/bin/au "$@"; }

mv /usr/bin/cc /usr/bin/cc.away
snapshot
fails 1 alone new -y
complains "au: no entrypoint to install: it is neither beside au nor in ../libexec/au, and there is no cc to build it with; install au as a package or by \`make install\`, or a C compiler (on Debian: apt install gcc libc6-dev)"
unchanged
mv /usr/bin/cc.away /usr/bin/cc
ok alone new -y
ok alone run id -un
says_exactly agent
as alice mkdir project
ok alone mount add --rw project
ok alone run -d /home/alice/project touch made
[ "$(stat -c %U /home/alice/project/made)" = alice ] || fail "the file is not alice's"
ok alone info
ok alone limits set --mem 512M
ok alone help mount add
says "Examples:"
ok alone completion bash
says "complete -F _au au"
ok alone delete -y -H

promise="the front program alone says what it lacks"
install -o alice -g alice -m 755 /opt/front /home/alice/bin/au
fails 1 alone info
complains "au-complete: no such file or directory; install au again"

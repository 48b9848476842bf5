#!/bin/sh
# 64 shares, and more, in one run; each is seen, each is the human's.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'for i in $(seq 100); do mkdir -m 700 "p$i" && echo "$i" > "p$i/file"; done'
as alice sh -c 'for i in $(seq 64); do au mount add --rw "p$i" > /dev/null || exit 1; done' || fail "64 shares should be added"
ok as alice au run sh -c 'cat p*/file | wc -l && for i in p*; do echo x > $i/new; done'
says_exactly 64
ok sh -c 'ls /home/alice/p*/new | wc -l'
says_exactly 64
ok find /home/alice/p1 /home/alice/p64 ! -user alice
silent
ok as alice sh -c 'cd p64 && au run pwd'
says_exactly /home/alice/p64
as alice sh -c 'for i in $(seq 65 100); do au mount add "p$i" > /dev/null || exit 1; done' || fail "100 shares should be added"
ok as alice au run sh -c 'cat p*/file | wc -l'
says_exactly 100

promise="shares added at once by several au are all there"
ok as alice sh -c 'for i in $(seq 100); do au mount remove "p$i" > /dev/null & [ $((i % 10)) != 0 ] || wait; done; wait; au mount list'
says_exactly 'Nothing is shared with agent agent.'
ok as alice sh -c 'for i in $(seq 20); do au mount add "p$i" same > /dev/null 2>&1 & done; wait; au mount list | wc -l'
says_exactly 1

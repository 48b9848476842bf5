#!/bin/sh
# The tutorial shows what happens.
# machines: trixie
# `e2e/run tutorial || patch docs/tutorial.md bin/e2e-logs/tutorial.trixie.log` writes its transcript anew.
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
internet_also="api.example.com elsewhere.example"
internet_up
for name in $internet_also; do mkdir -p "/run/internet/files/$name"; done
echo 'hello from the API' >/run/internet/files/api.example.com/index.html
echo 'hello from elsewhere' >/run/internet/files/elsewhere.example/index.html
as alice git config --global user.email alice@example.org
as alice git config --global user.name Alice
e2e_last=
python3 /opt/e2e/transcript.py /opt/e2e/docs/tutorial.md || fail "the page should show what the machine shows: see the diff above"

#!/bin/sh
# The page "How do I…" shows what happens.
# machines: trixie
# flavour: node
# timeout: 900
# `e2e/run how-do-i || patch docs/how-do-i.md bin/e2e-logs/how-do-i.trixie.log` writes its transcript anew.
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
internet_also="api.example.com elsewhere.example"
internet_up
for name in $internet_also; do mkdir -p "/run/internet/files/$name"; done
echo 'hello from the API' >/run/internet/files/api.example.com/index.html
echo 'hello from elsewhere' >/run/internet/files/elsewhere.example/index.html
as alice git config --global user.email alice@example.org
as alice git config --global user.name Alice
as alice sh -c 'git init -q -b main site; cd site; echo "<h1>Hello</h1>" >index.html; git add .; git commit -qm "a page"; echo DEBUG=1 >.env'
as alice sh -c 'mkdir reference; echo "read only this once" >reference/notes.txt'
# A stand-in for a tool that nvm installed.
as alice sh -c 'd=.nvm/versions/node/v22.0.0/bin; mkdir -p $d; printf "#!/bin/sh\necho v22.0.0\n" >$d/node; chmod +x $d/node'
# And for somebody's database.
mkdir -p /srv/database
echo 'a database, for once over HTTP' >/srv/database/index.html
(cd /srv/database && exec python3 -m http.server --bind 127.0.0.1 5432 >/dev/null 2>&1) &
soon curl -sS http://127.0.0.1:5432/
ok as alice au new -y
e2e_last=
python3 /opt/e2e/transcript.py /opt/e2e/docs/how-do-i.md || fail "the page should show what the machine shows: see the diff above"

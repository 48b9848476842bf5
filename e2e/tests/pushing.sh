#!/bin/sh
# The page on pushing shows what happens: a deploy key, a token, and the human after a look, at a forge with SSH and HTTPS.
# machines: trixie
# machines by hand: bookworm
# `e2e/run pushing || patch docs/pushing.md bin/e2e-logs/pushing.trixie.log` writes its transcript anew.
. /opt/e2e/lib.sh
forge=/srv/forge
useradd --create-home --home-dir $forge --shell /usr/bin/git-shell git
chmod 755 $forge
echo '127.0.0.1 forge.example' >>/etc/hosts

# The keys that a human pastes into the forge's page: alice's key at once, the agent's as soon as there is one.
printf '#!/bin/sh\ncat /home/alice/.ssh/id_ed25519.pub /home/agent/.ssh/id_ed25519.pub 2>/dev/null; true\n' >/usr/local/sbin/pasted-keys
chmod 755 /usr/local/sbin/pasted-keys
mkdir -p /run/sshd
listen() { /usr/sbin/sshd -o ListenAddress=127.0.0.1 -o AuthorizedKeysCommand=/usr/local/sbin/pasted-keys -o AuthorizedKeysCommandUser=root -o PasswordAuthentication=no "$@"; }
listen -o PerSourcePenalties=no 2>/dev/null || listen || skip "no sshd in this machine" # OpenSSH has those penalties from 9.8 on

mkdir /run/forge && cd /run/forge || fail "no folder for the forge's certificate"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=forge.example \
	-addext subjectAltName=DNS:forge.example >/dev/null 2>&1
cp cert.pem /usr/local/share/ca-certificates/forge.crt
update-ca-certificates >/dev/null 2>&1
chown git key.pem
cd / || exit 1
runuser -u git -- git init -q --bare -b main $forge/site.git
runuser -u git -- git -C $forge/site.git config http.receivepack true
setpriv --reuid git --regid git --clear-groups --ambient-caps +net_bind_service --inh-caps +net_bind_service env HOME=$forge \
	python3 /opt/e2e/tests/setup/forge.py $forge /run/forge/cert.pem /run/forge/key.pem secret-token &
server=$!
trap 'kill $server' EXIT

as alice sh -c 'mkdir -p -m 700 .ssh && ssh-keygen -q -t ed25519 -N "" -f .ssh/id_ed25519 && ssh-keyscan -t ed25519 forge.example >.ssh/known_hosts 2>/dev/null'
as alice git config --global user.email alice@example.org
as alice git config --global user.name Alice
as alice sh -c 'git init -q -b main site; cd site; echo "<h1>Hello</h1>" >index.html; git add .; git commit -qm "a page"; git remote add origin git@forge.example:site.git'
soon as alice sh -c 'cd site && git push -q -u origin main'
soon sh -c 'curl -s -o /dev/null -w "%{http_code}" https://forge.example/site.git/info/refs | grep -q 401'
ok as alice au new -y
ok as alice au setup git -y
ok as alice au mount add --rw site
e2e_last=
python3 /opt/e2e/transcript.py /opt/e2e/docs/pushing.md || fail "the page should show what the machine shows: see the diff above"

promise="the token is in no file of the agent's, and of no use to a run without it"
fails 1 grep -rqF secret-token /home/agent /home/alice/site
as alice sh -c 'cd site && au run git commit -q --allow-empty -m more'
fails 128 as alice sh -c 'cd site && au run git push https://forge.example/site.git main'
fails 128 as alice sh -c 'cd site && SITE_TOKEN=wrong au run -e SITE_TOKEN git push https://forge.example/site.git main'
complains 'Authentication failed'

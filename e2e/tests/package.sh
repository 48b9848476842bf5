#!/bin/sh
# au is a package like any other: installed, used, upgraded while agents run, removed and purged; what agents have stays, and is named.
# machines: trixie
# machines by hand: bookworm
# flavour: package
# packages: deb and rpm
. /opt/e2e/lib.sh
old=$(ls /opt/packages/old/*.deb) new=$(ls /opt/packages/new/*.deb)
apt() { env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$@"; }
# going sees that what the agent does goes on, and that its human can use it.
going() {
	ok pgrep -u agent -x sleep
	ok as alice au run id -un
	says_exactly agent
	ok as alice au info
	says_not BROKEN
}
# same sees that agents are as they were when they were made.
same() {
	unchanged agents '/usr/(bin|libexec|share)/' '/etc/apparmor' '/usr/local/(bin/au|libexec/au/(au-complete|su_as_agent)) ' '/usr/local/libexec/au$' '/usr/local/share'
}

ok as alice /usr/local/bin/au new -y
as alice mkdir project
ok as alice au mount add --rw project
as alice sh -c 'au run sleep 1000 2>err; echo $? >status' &
soon pgrep -u agent -x sleep
snapshot agents

promise="the package of an older version goes beside what make install put there, and says which comes first"
ok apt install "$old"
says "au: /usr/local/bin/au, from make install, comes before /usr/bin/au on PATH"
says "au: hint: make uninstall, in the folder that it was installed from"
says "au: the entrypoint of agent agent is of another version of au. Its human brings it up to date: au new --agent agent"
same
rm /usr/local/bin/au /usr/local/libexec/au/au-complete /usr/local/libexec/au/su_as_agent
ok as alice au --version
says_exactly "au 0.0.9"
going
[ -z "$(find /usr/bin/au /usr/libexec/au -perm /6000)" ] || fail "the package has set-uid files"
promise="the agent's entrypoint is renewed when its human says so"
ok as alice au new -y
cmp /usr/libexec/au/su_as_agent /usr/local/libexec/au/agent/su_as_agent || fail "it is the older one"
going
snapshot agents

promise="an upgrade ends nothing and changes no agent"
ok apt install "$new"
says "au: the entrypoint of agent agent is of another version of au"
says_not "make install"
ok as alice au --version
says_not "0.0.9"
same
going
ok as alice au new -y
says "/usr/local/libexec/au/agent/su_as_agent.new < /usr/libexec/au/su_as_agent"
going
ok apt install --reinstall "$new"
says_not "another version"

promise="a new agent is made by what the package holds, and all files of the package are as they were packed"
ok as bob au new -y -a other
ok as bob au run -a other true
ok as bob au delete -y -a other -H
snapshot agents
ok dpkg --verify au
silent
promise="the manual has a page for each command, and the shells find the completions"
for page in au-run au-mount-add au-net-restrict; do
	ok as alice man "$page"
	says "EXAMPLES"
	[ ! -s $e2e/err ] || fail "man complains"
done
ok as alice sh -c "man au run | tr -s ' \n' ' '"
says "125 where au refuses"
ok env MANROFFSEQ= man --warnings=all au
[ ! -s $e2e/err ] || fail "groff complains"
for file in bash-completion/completions/au zsh/vendor-completions/_au fish/vendor_completions.d/au.fish; do
	ok dpkg -S "/usr/share/$file"
done
ok as alice zsh -ic 'autoload -Uz compinit && compinit -u -D; echo $_comps[au]'
says _au
promise="lintian finds no error"
cp "$new" /tmp/au.deb
ok as alice lintian --fail-on error /tmp/au.deb

promise="what is removed leaves agents and homes, and says which programs are set-uid and how to delete agents"
ok apt remove au
says "au:   /usr/local/libexec/au/agent/su_as_agent"
says "install au again, and each agent's human runs: au delete --agent NAME"
same
fails 127 as alice au run true
ok pgrep -u agent -x sleep
ok apt purge au
says "au:   /usr/local/libexec/au/agent/su_as_agent"
same
[ -z "$(find / -xdev \( -name 'au' -o -name 'au.*' -o -name '_au' -o -name 'au-*.1*' \) -path '*usr*' ! -path '/usr/local/libexec/*' -newer /opt/e2e/lib.sh 2>/dev/null)" ] || fail "files are left"
promise="installed again, it finds its agents"
ok apt install "$new"
going
pkill -u agent -x sleep
wait
[ "$(cat /home/alice/status)" = 143 ] || fail "the run ended with $(cat /home/alice/status)"
[ ! -s /home/alice/err ] || fail "the run said: $(cat /home/alice/err)"
ok as alice au delete -y -H
ok apt purge au
says_not "set-uid"

promise="the rpm holds the same, and its scripts say the same"
mkdir -p /run/rpm/up /run/rpm/work /run/rpm/root
mount -t overlay -o lowerdir=/,upperdir=/run/rpm/up,workdir=/run/rpm/work overlay /run/rpm/root 2>/dev/null || {
	mount -t tmpfs tmpfs /run/rpm && mkdir -p /run/rpm/up /run/rpm/work /run/rpm/root
	ok mount -t overlay -o lowerdir=/,upperdir=/run/rpm/up,workdir=/run/rpm/work overlay /run/rpm/root
}
rpms() { rpm --root /run/rpm/root --nodeps "$@"; }
ok rpms -i /opt/packages/old/*.rpm
ok rpms -U /opt/packages/new/*.rpm
ok rpm --root /run/rpm/root -V --nodeps au
silent
ok rpm --root /run/rpm/root -q --requires au
says /usr/sbin/useradd
says /usr/bin/setfacl
[ -z "$(find /run/rpm/up -perm /6000)" ] || fail "the rpm has set-uid files"
mkdir -p /run/rpm/root/usr/local/libexec/au/agent
install -m 4750 /run/rpm/root/usr/libexec/au/su_as_agent /run/rpm/root/usr/local/libexec/au/agent/
ok rpms -e au
says "au:   /usr/local/libexec/au/agent/su_as_agent"
[ ! -e /run/rpm/root/usr/bin/au ] || fail "the rpm leaves files"

promise="it is not installed where it could not work"
ok dpkg --force-depends --purge acl
fails 100 apt install "$new"
grep -q 'Depends: acl' $e2e/out $e2e/err || fail "it is not said what is missing"
[ ! -e /usr/bin/au ] || fail "it is installed"

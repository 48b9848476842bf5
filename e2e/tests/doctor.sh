#!/bin/sh
# `au doctor` finds nothing broken on a machine with a new agent; each thing that is broken it names by its ID; --fix mends what can be mended.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
id_of() { au_doctor_json | python3 -c 'import json,sys; print(*["%s:%s" % (f["id"], f.get("agent","")) for f in json.load(sys.stdin)["findings"]])'; }
au_doctor_json() { as alice au doctor --json || true; }
ok as alice au new -y
ok as alice au new -y -a second
promise="nothing is broken right after au new"
ok as alice au doctor
says "0 broken,"
before=$(id_of)
home=$(getent passwd agent | cut -d: -f6)
entry=/usr/local/libexec/au/agent/su_as_agent

# breaks ID COMMAND... — COMMAND breaks the machine so that doctor says ID of agent, and --fix mends it.
breaks() {
	id=$1 promise="doctor names $1"
	shift
	ok "$@"
	fails 1 as alice au doctor
	says "broken $id: agent agent:"
	fails 1 as alice au doctor --json
	says "\"id\": \"$id\""
	promise="doctor --fix mends $id"
	ok as alice au doctor --fix -y
	says "0 broken,"
	[ "$(id_of)" = "$before" ] || fail "after --fix there is: $(id_of)"
}
breaks entrypoint-missing rm $entry
breaks entrypoint-setuid chmod u-s $entry
breaks entrypoint-mode chmod o+x $entry
breaks entrypoint-changed sh -c "echo >>$entry; chmod 4750 $entry"
breaks entrypoint-acl setfacl --remove-all $entry
breaks entrypoint-owner chown daemon $entry
breaks home-mode chmod 2777 "$home"
breaks home-setgid chmod g-s "$home"
breaks home-acl setfacl --remove-default "$home"
breaks group-human gpasswd --delete alice su-as-agent
breaks group-agent gpasswd --add agent su-as-agent
breaks group-strong sh -c 'groupadd --force docker && gpasswd --add agent docker'
breaks group-missing groupdel su-as-agent
breaks login-expiry usermod --expiredate 99999 agent
breaks login-shell usermod --shell /bin/bash agent
breaks login-lingers sh -c 'mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/agent'
breaks login-cron sh -c 'echo daemon >/etc/at.deny'
before=$(id_of)
breaks unit-missing rm /etc/systemd/system/au-agent.service
breaks unit-disabled systemctl disable au-agent.service

promise="what needs a person is named and left to them"
ok sh -c "printf 'agent ALL=(ALL) NOPASSWD: /bin/true\n' >/etc/sudoers.d/agent"
fails 1 au --human alice doctor
says "broken sudo-rule: agent agent: sudoers lets the agent run:"
fails 1 au --human alice doctor --fix -y
complains 'is for "alice", not for root'
ok rm /etc/sudoers.d/agent
ok au --human alice doctor
as alice mkdir -p project
ok as alice au mount add --rw project
ok as alice au run -d project -- git init -q .
ok as alice au run -d project -- sh -c 'git config core.fsmonitor ./x'
ok as alice au doctor
says "advice share-planted: agent agent: share"
as alice rm -r project
ok as alice au doctor
says "advice share-missing: agent agent: share"
ok as alice au mount remove /home/alice/project

promise="a fault that the config silences is counted, and not shown"
ok as alice chmod 755 /home/alice
ok as alice au doctor
says "advice home-open:"
as alice sh -c 'f=~/.config/agent-as-unix-user.toml; { echo "silence = [\"home-open\"]"; cat $f; } >$f.1 && mv $f.1 $f'
ok as alice au doctor
says_not "home-open"
says "1 silenced"

promise="what a deleted agent leaves behind is named"
ok as alice au delete -y -a second
ok as alice au doctor
says_not "left-behind"
ok sh -c 'mkdir -p /usr/local/libexec/au/second && touch /usr/local/libexec/au/second/su_as_agent'
ok as alice au doctor
says "left-behind: /usr/local/libexec/au/second"

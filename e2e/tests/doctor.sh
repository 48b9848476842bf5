#!/bin/sh
# `au doctor` finds nothing broken on a machine with new agents; each thing of an agent that is broken it names by its ID; --fix mends what can be mended.
# machines: trixie
# machines by hand: bookworm true
# timeout: 2400
. /opt/e2e/lib.sh
. /opt/e2e/tests/doctor/lib.sh
healthy agent b c d e f
entry() { echo /usr/local/libexec/au/$1/su_as_agent; }

wreck entrypoint-missing agent rm "$(entry agent)"
wreck entrypoint-setuid b chmod u-s "$(entry b)"
wreck entrypoint-mode c chmod o+x "$(entry c)"
wreck entrypoint-changed d sh -c "echo >>$(entry d); chmod 4750 $(entry d)"
wreck entrypoint-acl e setfacl --remove-all "$(entry e)"
wreck entrypoint-owner f chown daemon "$(entry f)"
wreck group-strong agent sh -c 'groupadd --force docker && gpasswd --add agent docker'
wreck group-agent b gpasswd --add b su-as-b
wreck login-expiry c usermod --expiredate 99999 c
wreck login-shell d usermod --shell /bin/bash d
wreck login-lingers e sh -c 'mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/e'
wreck login-manager e sh -c "echo ExecStartPre= >>/etc/systemd/system/user@$(id -u e).service.d/au.conf"
wreck manager-old f sh -c "rm -r /etc/systemd/system/user@$(id -u f).service.d"
wreck unit-disabled f systemctl disable au-f.service
named 1
fixed

wreck home-mode agent chmod 2777 /home/agent
wreck home-setgid b chmod g-s /home/b
wreck home-acl c setfacl --remove-default /home/c
wreck home-missing d mv /home/d /home/d.away
wreck group-human e gpasswd --delete alice su-as-e
wreck group-missing f groupdel su-as-f
wreck unit-missing agent rm /etc/systemd/system/au-agent.service
wreck unit-stopped b systemctl stop "user-$(id -u b).slice"
wreck unit-old c sed -i '/^RefuseManualStop=/d' /etc/systemd/system/au-c.service
wreck unit-beside e rm /etc/tmpfiles.d/au-e.conf
wreck login-cron agent sh -c 'echo daemon >/etc/at.deny'
named 1
fixed
rm -rf /home/d.away

promise="a mail server that runs what agents put into their ~/.forward is named"
ok sh -c 'mkdir -p /etc/postfix && : >/etc/postfix/main.cf && ln -s /bin/true /usr/sbin/sendmail && ln -s /bin/true /usr/bin/newaliases && printf "b: root\nroot: alice" >>/etc/aliases'
wreck login-mail agent true
for a in c d e f; do wreck login-mail $a true; done
named 1
says_not "agent b: postfix"
ok as alice au new -y
complains 'au: postfix runs what the agent writes into its ~/.forward, outside of all walls'
ok as alice au new -y -a b
complains_not postfix
fixed
ok grep -qx 'root: alice' /etc/aliases
rm -r /etc/postfix /usr/sbin/sendmail /usr/bin/newaliases /etc/aliases

wreck group-other agent groupmod --gid 4321 su-as-agent
wreck account-group b usermod --gid nogroup b
wreck policy-old b sed -i 's/^au-policy .*/au-policy 1/' /etc/au/agents/b
wreck policy-old c sed -i '/^hide .run.docker.sock$/d' /etc/au/agents/c
wreck homes-visible c sh -c 'useradd --create-home --base-dir /srv wanderer'
wreck cgroups-other d sed -i 's/^cgroup .*/cgroup nowhere/' /etc/au/agents/d
wreck home-setid e sh -c 'for n in 1 2 3 4 5 6 7; do cp /bin/true /home/e/copy$n; done; chown e: /home/e/copy? && chmod 4755 /home/e/copy?'
wreck account-missing f userdel f
ok sh -c 'useradd dave && runuser -l alice -c "au grant -a b -y dave" && userdel dave'
wreck human-gone b true
wreck home-open - chmod 755 /home/alice
wreck home-open - setfacl -m u:bob:x /home/alice # as well: --fix mends both at once
if [ -e $tiocsti ]; then # Linux 6.2
	wreck machine-tiocsti - sh -c 'echo 1 >/run/zero'
fi
wreck machine-folder - chmod a-t /var/tmp
named 1
fixed

promise="--fix leaves the human's files in a share as they are"
as alice sh -c 'mkdir "pro*j" && cp /bin/true "pro*j/mine" && chmod 4755 "pro*j/mine"'
ok as alice au mount add -a e --rw "pro*j"
ok sh -c 'cp /bin/true /home/e/copy && chown e: /home/e/copy && chmod 4755 /home/e/copy'
e2e_run as alice au doctor --fix -y
ok stat -c %a /home/e/copy "/home/alice/pro*j/mine"
says_exactly '755
4755'
ok as alice au mount remove -a e "pro*j"
as alice rm -r "pro*j"

wreck entrypoint-old agent sh -c 'echo >>/usr/local/libexec/au/su_as_agent'
named 0
fixed

# A person mends the rest by hand here: files that somebody has added to units come first.
units=/etc/systemd/system
wreck unit-added agent sh -c "mkdir $units/au-agent.service.d && printf '[Service]\nDelegate=no\n' >$units/au-agent.service.d/override.conf"
wreck unit-added b systemctl set-property au-b.service MemoryMax=1G
wreck unit-added c sh -c 'mkdir -p /etc/systemd/system.control && ln -s /dev/null /etc/systemd/system.control/au-c.service'
wreck unit-added d sh -c "printf '[Service]\nExecStartPre=\n' >$units/user@$(id -u d).service.d/zz.conf"
ok sh -c "mkdir $units/au-e.service.d && printf '[Unit]\n# Delegate=no\n' >$units/au-e.service.d/note.conf" # it changes nothing
ok systemctl set-property "user-$(id -u f).slice" CPUWeight=50 # a limit by the human
named 1
says "broken unit-added: agent agent: $units/au-agent.service.d/override.conf changes au-agent.service: Delegate"
says_not "agent e: "
says_not "agent f: "
sed -n 's/^  hint: \(sudo sh\)/\1/p' "$e2e/out" >/run/lines
ok systemctl revert "user-$(id -u f).slice"
promise="--fix takes nobody's files away"
fails 1 as alice /usr/local/bin/au doctor --fix -y
ok sh /run/lines
mended

wreck policy-missing b mv /etc/au/agents/b /run/b
wreck policy-unreadable c sh -c 'cp -p /etc/au/agents/c /run/c && echo nonsense >>/etc/au/agents/c'
wreck account-other d usermod --uid 4999 d
uid=$(id -u e)
wreck uid-reused e sh -c "userdel e && useradd --uid $uid thief"
wreck home-owner f chown daemon /home/f
wreck entrypoint-way agent chmod o+w /usr/local/libexec
wreck machine-folder - true
named 1
ok sh -c "mv /run/b /etc/au/agents/b; mv /run/c /etc/au/agents/c; usermod --uid $(sed -n 's/^uid //p' /etc/au/agents/d) d; userdel thief; chown f /home/f; chmod o-w /usr/local/libexec"
ok as alice au new -y -a e
mended
wreck entrypoint-nosuid agent sh -c 'mount --bind /usr/local /usr/local && mount -o remount,bind,nosuid /usr/local'
named 1
ok umount /usr/local
mended

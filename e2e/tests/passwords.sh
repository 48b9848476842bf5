#!/bin/bash
# A human whose password is wanted each time is asked for it once a stage, whatever that does, and sees the line first.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
echo alice:lantern | chpasswd
gpasswd -d alice sudo >/dev/null
typed() { python3 /opt/e2e/tests/passwords/typed.py alice lantern "$@"; }
sudoers() {
	rm -f /etc/sudoers.d/*
	printf '%s\n' "$@" >/etc/sudoers.d/alice
	chmod 0440 /etc/sudoers.d/alice
	rm -rf /run/sudo/ts/*
}
# asked MOST COMMAND… succeeds, and asks as often as a line goes to root: once for each stage, at most MOST times.
asked() {
	most=$1
	shift
	ok typed "$@"
	questions=$(sed -n 's/^questions: //p' "$e2e/out")
	stages=$(grep -c -e 'sudo /usr/local/bin/au carry-out # ' -e 'doas /usr/local/bin/au carry-out # ' "$e2e/out")
	[ "$questions" -gt 0 ] && [ "$questions" -le "$most" ] || fail "there were $questions questions, and no more than $most should be"
	[ "$stages" -le "$questions" ] || fail "$stages stages with $questions questions"
}
# A stage is one more where the keeper has to run before its cgroups are known.
keeper=1
[ -e /sys/fs/cgroup/cgroup.controllers ] && keeper=0
as_before() { unchanged before /usr/local/sbin/useradd /etc/doas.conf /usr/bin/sudo '/home/alice/\.config' '/home/alice/proj' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' '/usr/local/libexec( |$)'; }

each_time() { sudoers 'Defaults timestamp_timeout=0' 'alice ALL=(ALL:ALL) ALL'; }
each_time
snapshot
for program in sudo doas; do
	if [ $program = sudo ]; then
		each_time
	else
		promise="the same with doas, which remembers nothing"
		mv /usr/bin/sudo /usr/bin/sudo.away
		echo 'permit alice as root' >/etc/doas.conf
	fi
	asked $((1 + keeper)) au new -y --mem 1G
	says "\$ $program groupadd --gid"
	says "\$ $program /usr/local/bin/au slice set"
	says 'Created agent agent'
	grep -m1 '^\$ ' "$e2e/out" | grep -qF "\$ $program /usr/local/bin/au carry-out # " || fail "the line that is elevated should come first"
	ok as alice au run true
	asked 1 au grant -y bob
	asked 1 au revoke bob
	asked 1 au limits set --mem 2G --cpu 50%
	asked 1 au limits reset
	ok typed mkdir -p proj
	ok typed au mount add --acl proj
	says 'questions: 0'
	install -o agent -g agent /dev/null /home/alice/proj/theirs
	asked 1 au mount remove proj
	says 'files give-back'
	asked 1 au net restrict --allow allowed.test
	asked 1 au net allow other.test
	asked 1 au net off
	asked 1 au stop
	asked 2 au delete -y -H
	as_before
done
mv /usr/bin/sudo.away /usr/bin/sudo
rm /etc/doas.conf

promise="what a stage did is taken back by the process that did it, without a question more"
each_time
printf '#!/bin/sh\necho useradd: on purpose >&2\nexit 7\n' >/usr/local/sbin/useradd
chmod 755 /usr/local/sbin/useradd
snapshot made
fails 1 typed au new -y
says 'questions: 1'
says 'useradd: on purpose'
says 'au: taking back what was done'
says 'au: agent "agent": nothing was changed in the end, for the reason above'
unchanged made

promise="Ctrl-C lets the command that runs end, and takes back what was done"
printf '#!/bin/sh\necho it runs\nsleep 2\nexec /usr/sbin/useradd "$@"\n' >/usr/local/sbin/useradd
snapshot made
fails 1 typed --at 'it runs' '\x03' au new -y
says 'questions: 1'
says 'au: taking back what was done'
says '$ sudo userdel agent'
as_before

promise="so does the end of the terminal, and the machine's log says what nobody sees"
printf '#!/bin/sh\nsleep 2\nexec /usr/sbin/useradd "$@"\n' >/usr/local/sbin/useradd
e2e_run typed --at '$ sudo useradd' hang-up au new -y
gone() { ! pgrep -f 'au carry-out' >/dev/null; }
soon gone
rm /usr/local/sbin/useradd
as_before
ok journalctl -t au
says 'a plan failed and what was done is taken back: stopped'

promise="without a terminal, a program of the caller's environment is not asked for the password, unless sudo is told so first"
each_time
install -m 755 /dev/stdin /home/alice/ask <<'END'
#!/bin/sh
touch /home/alice/was-asked
echo lantern
END
chown alice: /home/alice /home/alice/ask
fails 1 as alice env SUDO_ASKPASS=/home/alice/ask au new -y
complains 'sudo: a terminal is required'
ok test ! -e /home/alice/was-asked
ok as alice env SUDO_ASKPASS=/home/alice/ask sudo --askpass au new -y
ok test -e /home/alice/was-asked
ok as alice au run true
ok as alice env SUDO_ASKPASS=/home/alice/ask sudo --askpass au delete -y -H
rm /home/alice/ask /home/alice/was-asked
as_before

promise="a password that is wrong is no reason to ask for it again for each command"
snapshot made
fails 1 python3 /opt/e2e/tests/passwords/typed.py alice wrong au new -y
says '3 incorrect password attempts'
says 'questions: 3'
unchanged made

promise="where sudo allows single commands only, each is run by itself, and that is known before anybody is asked"
commands=$(for c in mkdir dd chown chmod cp mv rm rmdir groupadd groupdel useradd userdel usermod gpasswd setfacl runuser systemctl pkill; do printf '/usr/bin/%s, /usr/sbin/%s, ' $c $c; done)
sudoers "alice ALL=(root) NOPASSWD: ${commands}/usr/local/bin/au files *, /usr/local/bin/au end-entering *"
for step in 'new -y' 'grant -y bob' 'revoke bob' 'delete -y'; do
	ok typed au $step
	says 'questions: 0'
	says_not carry-out
	says_not 'not allowed'
done

promise="the same with a password: what sudo refuses is seen once, and then each command asks"
sudoers 'Defaults timestamp_timeout=0' "alice ALL=(root) ${commands}/usr/local/bin/au files *, /usr/local/bin/au end-entering *"
ok typed au new -y -a second
says 'is not allowed to execute'
says '# not started as a whole, so each command by itself:'
questions=$(sed -n 's/^questions: //p' "$e2e/out")
[ "$questions" = "$(grep -c '^\$ sudo ' "$e2e/out")" ] || fail "$questions questions for that many commands"
as alice au run -a second true || fail "the agent should work"

promise="who may not use sudo changes nothing"
rm -f /etc/sudoers.d/*
snapshot made
fails 1 typed au new -y -a third
says 'alice is not in the sudoers file'
says 'questions: 1'
unchanged made

promise="the half that is root is nobody else's: it wants to be root, and a whole plan"
fails 1 as alice au carry-out
complains 'carry-out is the root half of other commands'
for text in '' '{' '{"Version":"x"}'; do
	# shellcheck disable=SC2016
	fails 104 sh -c 'printf %s "$1" | au carry-out' - "$text"
done
cp /usr/local/libexec/au/au-complete /usr/local/bin/suid-au
chmod 4755 /usr/local/bin/suid-au
fails 1 as alice sh -c 'echo "{}" | suid-au carry-out'
complains 'carry-out is the root half of other commands'
unchanged made /usr/local/bin/suid-au set-uid

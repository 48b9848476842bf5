# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Takes the place of every command that au runs as root, to count it and to make things go wrong at one of them. Sourced after lib.sh.
#
#   wrap_commands               puts it there
#   at N FAIL|KILL|CALLER|MACHINE COMMAND…   runs COMMAND; at the N-th command of root's:
#     FAIL     it fails and does nothing
#     KILL     it is done, and then the process of root's that carries the plan out is killed
#     CALLER   the au that asked for the plan is killed, and then it is done
#   counted                     prints how many commands there were

wrap_commands() {
	mkdir -p /usr/local/sbin
	cat >/usr/local/sbin/au-wrapped <<'END'
#!/bin/bash
program=/usr/bin/$(basename "$0")
[ -x "$program" ] || program=/usr/sbin/$(basename "$0")
grep -q carry-out /proc/$PPID/cmdline && [ -e /run/wrap.count ] || exec "$program" "$@"
n=$(($(cat /run/wrap.count) + 1))
echo $n >/run/wrap.count
[ "$n" = "$(cat /run/wrap.at)" ] || exec "$program" "$@"
case $(cat /run/wrap.how) in
FAIL) echo "$0: refused on purpose" >&2; exit 1 ;;
CALLER) kill -KILL "$(cat /run/wrap.caller)"; exec "$program" "$@" ;;
KILL) "$program" "$@"; kill -KILL $PPID ;;
esac
END
	chmod 755 /usr/local/sbin/au-wrapped
	for wrapped in install mv rm rmdir groupadd groupdel useradd userdel usermod gpasswd setfacl runuser systemctl pkill; do
		ln -sf au-wrapped /usr/local/sbin/$wrapped
	done
}

at() {
	echo 0 >/run/wrap.count
	echo "$1" >/run/wrap.at
	echo "$2" >/run/wrap.how
	: >/run/wrap.caller
	chmod 666 /run/wrap.caller
	shift 2
	# shellcheck disable=SC2016
	as alice sh -c 'echo $$ >/run/wrap.caller; exec "$@"' - "$@"
}

nothing_carried() { ! pgrep -f "au carry-out" >/dev/null; }

# ended waits until no plan is being carried out, and no more commands are counted.
ended() {
	wrap_status=$e2e_status wrap_last=$e2e_last
	cp "$e2e/out" "$e2e/wrap.out"
	cp "$e2e/err" "$e2e/wrap.err"
	soon nothing_carried
	e2e_status=$wrap_status e2e_last=$wrap_last
	mv "$e2e/wrap.out" "$e2e/out"
	mv "$e2e/wrap.err" "$e2e/err"
	mv /run/wrap.count /run/wrap.counted
}

counted() { cat /run/wrap.counted; }

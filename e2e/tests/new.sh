#!/bin/sh
# au new makes an agent, au run runs commands as it, au delete leaves the machine as it was.
# machines: bookworm trixie
# machines by hand: true
. /opt/e2e/lib.sh

snapshot
ok as alice au new -y
says '$ sudo groupadd --gid'
says '$ sudo useradd --uid'
says 'Created agent agent'
says '  au setup claude  '
says '  au run --draft '
says '  au mount add --rw '
uid=$(id -u agent)

promise="what au new leaves is what the README says"
ok stat -c '%a %U:%G' /home/agent /usr/local/libexec/au/agent/su_as_agent /etc/au/agents/agent
says_exactly "2770 agent:su-as-agent
4750 root:su-as-agent
644 root:root"
ok id -nG agent
says_exactly agent
ok id -nG alice
says su-as-agent
fails 1 grep -q ^agent: /etc/subuid /etc/subgid
ok chage -l agent
says 'Jan 02, 1970'
ok systemctl is-enabled au-agent.service
ok systemctl is-active au-agent.service

promise="the session that made the agent can run commands as it at once, though it has not the new group"
ok as alice au run id -u
says_exactly "$uid"
ok as alice au run id -nG
says_exactly agent
fails 42 as alice au run -- bash -c 'exit 42'
ok as alice sh -c 'echo through | au run cat | tr a-z A-Z'
says_exactly THROUGH
ok as alice au run pwd
says_exactly /home/agent

promise="a run is in the agent's unit, for every controller"
ok as alice au run cat /proc/self/cgroup
says "user.slice/user-$uid.slice/au-agent.service"
says_not session-

promise="au new again changes nothing and says so"
snapshot made
ok as alice au new -y
says_exactly 'Agent agent is as it should be; nothing to do'
unchanged made

promise="au info finds nothing wrong, and au list names the agent"
ok as alice au info
says agent
says_not BROKEN
ok as alice au info --json
says '"healthy": true'
ok as alice au list
says_exactly 'agent (default)'
ok as alice au list --json
says '"name": "agent"'

promise="a dry run prints the plan and changes nothing"
snapshot made
ok as alice au delete -H --dry-run
says '$ sudo userdel agent'
ok as alice au new -a second --dry-run
says '$ sudo groupadd'
unchanged made

promise="each command that root's half of au runs is one line of what au prints; -v prints what they read, too"
# lines prints the first two words of each command that was printed.
lines() { sed -n 's/^\$ sudo \([a-z][^ ]*\) \([^ ]*\).*/\1 \2/p' "$e2e/out"; }
for program in /usr/sbin/* /usr/bin/*; do
	name=${program##*/}
	[ -x "$program" ] && [ ! -e "/usr/local/sbin/$name" ] || continue
	printf '#!/bin/sh\n! /usr/bin/grep -qz carry-out "/proc/$PPID/cmdline" 2>/dev/null || echo "%s $1" >>/run/ran\nexec %s "$@"\n' "$name" "$program" >"/usr/local/sbin/$name"
	/usr/bin/chmod 755 "/usr/local/sbin/$name"
done
for with in '' -v; do
	: >/run/ran
	ok as alice au new $with -y -a lines
	lines >"$e2e/printed"
	output >"$e2e/made$with"
	/usr/bin/diff "$e2e/printed" /run/ran >"$e2e/differs" || fail "printed (<) and run (>) differ: $(cat "$e2e/differs")"
	[ "$(wc -l </run/ran)" -gt 20 ] || fail "the wrappers see too little: $(cat /run/ran)"
	ok as alice au delete -y -H -a lines
done
find /usr/local/sbin -type f -exec grep -q /run/ran {} \; -delete
e2e_last=
grep -q '^au-policy ' "$e2e/made-v" || fail "-v should print the policy"
! grep -v '^\$ sudo \|^\$ cat > \|^Created agent lines$\|^$\|^  au ' "$e2e/made" || fail "without -v it should print one line a command"
grep -qE '^\$ sudo dd status=none of=/etc/au/agents/lines.new <<\.\.\. \([0-9]+ lines; -v prints them\)$' "$e2e/made" || fail "it should say that -v prints the policy"

promise="au delete leaves the machine as it was"
ok as alice au delete -y -H
says 'Deleted agent agent'
# /usr/local/libexec is shared by all programs, so it stays; the config and its lock are the human's own.
unchanged before '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' '/usr/local/libexec( |$)'
ok as alice au list
says_exactly 'No agents configured.'
fails 125 as alice au run true
complains 'no such agent'

promise="what of /etc/skel only some can read is left out, and named"
mkdir -p /etc/skel/partly
touch /etc/skel/partly/open /etc/skel/partly/closed /etc/skel/.corp
chmod 600 /etc/skel/.corp /etc/skel/partly/closed
ok as alice au new -y
complains 'au: /etc/skel/.corp is left out'
complains 'au: /etc/skel/partly/closed is left out'
ok test -e /home/agent/partly/open
fails 1 test -e /home/agent/.corp
fails 1 test -e /home/agent/partly/closed
ok as alice au delete -y -H
rm -r /etc/skel/partly /etc/skel/.corp

promise="agents that are made side by side are all made"
for n in 1 2 3 4; do as alice au new -y -a side$n >"$e2e/side$n" 2>&1 & done
wait
ok as alice au list
for n in 1 2 3 4; do grep -q "^side$n" "$e2e/out" || fail "side$n was not made: $(tail -n 3 "$e2e/side$n")"; done
ok sh -c 'getent passwd side1 side2 side3 side4 | cut -d: -f3 | sort -u | wc -l'
says_exactly 4

promise="two humans who make one agent at once do not share it: one has it, and the other learns, once, who lets them in"
for user in alice bob; do as $user au new -y -a both >"$e2e/$user" 2>&1 & done
wait
[ "$(grep -l 'Created agent both' "$e2e/alice" "$e2e/bob" | wc -l)" = 1 ] || fail "one of them should have made it: $(tail -n 2 "$e2e/alice" "$e2e/bob")"
ok grep -h 'has other humans' "$e2e/alice" "$e2e/bob"
[ "$(grep -o 'agent "both"' "$e2e/out" | wc -l)" = 1 ] || fail "the agent should be named once"
ok grep -hE '^au: hint: au grant --agent both (alice|bob)$' "$e2e/alice" "$e2e/bob"

#!/bin/bash
# Killed at any point, au new and au delete finish the job when they are run again.
# machines: trixie
# timeout: 1200
. /opt/e2e/lib.sh

# A sudo of alice's own that counts its calls and, after call number N, kills the au that made it.
mkdir -p /opt/killer
cat > /opt/killer/sudo <<'END'
#!/bin/bash
/usr/bin/sudo "$@"
status=$?
n=$(($(cat /tmp/killer.count) + 1))
echo $n > /tmp/killer.count
[ "$n" != "$(cat /tmp/killer.at)" ] || kill -KILL $PPID
exit $status
END
chmod 755 /opt/killer/sudo
killed_after() {
	echo 0 > /tmp/killer.count
	echo "$1" > /tmp/killer.at
	chmod 666 /tmp/killer.*
	shift
	as alice env PATH=/opt/killer:/usr/local/bin:/usr/bin:/bin "$@" >"$e2e/killed" 2>&1
}
as_before() { unchanged before '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' '/usr/local/libexec( |$)'; }

ok as alice au new -y
ok as alice au delete -y -H
snapshot

killed_after 999 au new -y || fail "au new did not finish: $(cat "$e2e/killed")"
steps=$(cat /tmp/killer.count)
snapshot made
killed_after 999 au delete -y -H || fail "au delete did not finish: $(cat "$e2e/killed")"
undo=$(cat /tmp/killer.count)
[ "$steps" -ge 10 ] && [ "$undo" -ge 8 ] || fail "only $steps and $undo commands were counted"
as_before

# Each point is tried once here, the first way or the other in turn; the script tests try both at each, on a machine of files.
for n in $(seq 1 2 "$steps"); do
	promise="au new, killed after command $n of $steps, is finished by au new"
	killed_after "$n" au new -y && fail "it should have been killed"
	ok as alice au new -y
	unchanged made '/etc/au/agents' 'passwd: agent' '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' 'shadow: agent'
	ok as alice au run true
	ok as alice au info
	ok as alice au delete -y -H
	as_before
done

for n in $(seq 2 2 "$steps"); do
	promise="au new, killed after command $n of $steps, is cleaned up by au delete"
	killed_after "$n" au new -y && fail "it should have been killed"
	ok as alice au delete -y -H
	as_before
done

for n in $(seq 1 "$undo"); do
	promise="au delete, killed after command $n of $undo, is finished by au delete"
	ok as alice au new -y
	killed_after "$n" au delete -y -H && fail "it should have been killed"
	e2e_run as alice au delete -y -H
	ok as alice au list
	says_exactly 'No agents configured.'
	as_before
done

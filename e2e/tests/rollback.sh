#!/bin/bash
# When any step of au new fails, the steps before it are taken back.
# machines: bookworm
# timeout: 900
. /opt/e2e/lib.sh

# A sudo of alice's own whose call number N fails without doing anything.
mkdir -p /opt/failer
cat > /opt/failer/sudo <<'END'
#!/bin/bash
n=$(($(cat /tmp/failer.count) + 1))
echo $n > /tmp/failer.count
if [ "$n" = "$(cat /tmp/failer.at)" ]; then echo "sudo: refused on purpose" >&2; exit 1; fi
exec /usr/bin/sudo "$@"
END
chmod 755 /opt/failer/sudo
failing_at() {
	echo 0 > /tmp/failer.count
	echo "$1" > /tmp/failer.at
	chmod 666 /tmp/failer.*
	shift
	as alice env PATH=/opt/failer:/usr/local/bin:/usr/bin:/bin "$@"
}
as_before() { unchanged before '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' '/usr/local/libexec( |$)'; }

ok as alice au new -y
ok as alice au delete -y -H
snapshot
ok failing_at 999 au new -y
steps=$(cat /tmp/failer.count)
[ "$steps" -ge 10 ] || fail "only $steps commands were counted"
ok as alice au delete -y -H
as_before

for n in $(seq 1 "$steps"); do
	promise="au new whose command $n of $steps fails leaves nothing"
	fails 1 failing_at "$n" au new -y
	complains 'refused on purpose'
	as_before
	ok as alice au list
	says_exactly 'No agents configured.'
done

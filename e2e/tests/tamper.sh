#!/bin/sh
# A tampered entrypoint or policy is refused, with a message that says which.
# machines: trixie
# machines by hand: bookworm
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
entrypoint=/usr/local/libexec/au/agent/su_as_agent
policy=/etc/au/agents/agent
cp -a $entrypoint /root/kept && cp -a $policy /root/policy
mend() { cp -a /root/kept $entrypoint; cp -a /root/policy $policy; setfacl -m u:alice:r-x $entrypoint; ok as alice au run true; }

mend
printf x >>$entrypoint
chmod 4750 $entrypoint
fails 125 as alice au run true
complains 'has been tampered with, and is not run'
ok as alice au new -y
ok as alice au run true

promise="a change that keeps size and time is noticed as well"
mend
touch -r $entrypoint /root/times
printf x | dd of=$entrypoint bs=1 seek=4000 conv=notrunc status=none
touch -r /root/times $entrypoint
chmod 4750 $entrypoint
fails 125 as alice au run true
complains 'has been tampered with, and is not run'

mend
chown bob $entrypoint
chmod 4750 $entrypoint
fails 125 as alice au run true
mend
chmod 0750 $entrypoint
fails 125 as alice au run true
complains 'set-uid'
fails 1 as alice au info
says BROKEN
mend
chmod o+w /usr/local/libexec/au
fails 125 as alice au run true
complains /usr/local/libexec/au
chmod o-w /usr/local/libexec/au
mend
mv $entrypoint /tmp/elsewhere && ln -s /tmp/elsewhere $entrypoint && chmod 1777 /tmp
fails 125 as alice au run true
rm $entrypoint
fails 125 as alice au run true
mend

promise="a policy that root does not hold alone is not trusted, by au or by the entrypoint"
for spoil in "chmod g+w $policy" "chown alice $policy"; do
	ok $spoil
	fails 125 as alice au run true
	complains 'tampered with'
	fails 125 as alice $entrypoint agent -- true
	complains 'want a regular file that root owns'
	mend
done
echo 'colour blue' >>$policy
fails 125 as alice au run true
complains 'colour'
fails 125 as alice $entrypoint agent -- true
complains 'colour'
mend
sed -i '/^enter-uid/d' $policy
fails 125 as alice au run true
complains 'uid 1000 may not enter agent "agent"'
mend

promise="a policy for somebody else's uid gives nothing of theirs"
sed -i 's/^uid .*/uid 1002/' $policy
fails 1 as alice au delete -y -H
complains 'is not the one that the policy names'
fails 1 as alice au info
mend

#!/bin/sh
# Only whom the policy names may enter, whatever the entrypoint's mode lets happen.
. /opt/e2e/tests/attacks/common
ok enter -- id -u
says_exactly "$agent"
install -m 4755 $E /opt/open_to_all
fails 125 setpriv --reuid=carol --regid=carol --init-groups /opt/open_to_all agent -- id
complains 'may not enter'

promise="the agent may not, though it were in the group that may"
cp -p $policy /etc/au/kept
echo "enter-gid $(getent group su-as-agent | cut -d: -f3)" >>$policy
fails 125 setpriv --reuid=agent --regid=agent --groups=su-as-agent /opt/open_to_all agent -- id
complains 'may not enter itself'
ok setpriv --reuid=carol --regid=carol --groups=su-as-agent /opt/open_to_all agent -- id -u
says_exactly "$agent"
mv /etc/au/kept $policy

promise="root has no use for it"
fails 125 $E agent -- id
complains "not as root"
rm /opt/open_to_all

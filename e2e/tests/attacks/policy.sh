#!/bin/sh
# A policy counts only as a regular file that root owns and root alone can write.
. /opt/e2e/tests/attacks/common
cp -p $policy /etc/au/kept
chmod g+w $policy
fails 125 enter -- id
complains 'only root can write'
chmod 606 $policy
fails 125 enter -- id
complains 'only root can write'
cp -p /etc/au/kept $policy
chown alice $policy
fails 125 enter -- id
complains 'root owns'
rm $policy
ln -s ../kept $policy
fails 125 enter -- id
complains 'symbolic link'
rm $policy
mkfifo $policy
fails 125 timeout -s KILL 5 setpriv --reuid=alice --regid=alice --init-groups $E agent -- id
complains 'regular file'
rm $policy
fails 125 enter -- id
complains 'no agent "agent"'
cp -p /etc/au/kept $policy
echo 'debug on' >>$policy
fails 125 enter -- id
complains 'debug: is not a key that is known'
sed 1d /etc/au/kept >$policy
fails 125 enter -- id
complains 'want au-policy 1'
head -c 33000 /dev/zero | tr '\0' '#' | cat /etc/au/kept - >$policy
fails 125 enter -- id
complains 'want at most 32768 bytes'
{ cat /etc/au/kept; printf '# \033[2K\n'; } >$policy
fails 125 enter -- id
complains 'want printable ASCII'
for line in 'uid 0' 'uid 1' 'uid 4294967295' 'gid 0' 'gid 4294967295' 'gid 4294967296'; do
	sed "s/^${line% *} .*/$line/" /etc/au/kept >$policy
	fails 125 enter -- id
	complains "${line% *}: want a"
done
sed '/^gid /d' /etc/au/kept >$policy
fails 125 enter -- id
complains 'gid is missing'
{ cat /etc/au/kept; echo 'home /home/bob'; } >$policy
fails 125 enter -- id
complains 'home: is given twice'
{ cat /etc/au/kept; echo "enter-uid $agent agent"; } >$policy
fails 125 enter -- id
complains 'enter-uid is the agent itself'
sed 's/^name .*/name other/' /etc/au/kept >$policy
fails 125 enter -- id
complains 'is for other'
mv /etc/au/kept $policy

promise="and a name does not lead to another file"
mkdir /etc/au/agents/x
for name in ../agents/agent x/../agent . .. '' agent/ Agent "$(head -c 300 /dev/zero | tr '\0' a)"; do
	fails 125 human $E "$name" -- id
	complains "want the agent's name first"
done
rmdir /etc/au/agents/x
ok enter -- id

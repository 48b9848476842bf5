#!/bin/sh
# au names what keeps runs from starting before it makes anything, with its remedy, and au info names it, too.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
# at fault: WHAT is wrong, and the line that mends it
at_fault() {
	fails 125 as alice au run true
	fails 1 as alice au info
	says "$1"
	says "hint: $2"
	fails 1 as alice au new -y -a second
	complains "$1"
	complains "hint: $2"
	fails 1 id -u second
	sh -c "${2#sudo }"
	ok as alice au run true
	ok as alice au info
}
chgrp staff /usr/local && chmod 2775 /usr/local
at_fault '/usr/local: the group 50 can write it' 'sudo chmod g-w /usr/local'
chown alice /usr/local/libexec
at_fault "/usr/local/libexec: a folder of uid 1000's" 'sudo chown root /usr/local/libexec'

promise="a fault that nothing foresees shows in a run that is tried"
mv /var/tmp /var/tmp.old
ln -s /opt /var/tmp && chown -h bob /var/tmp
fails 1 as alice au info
says 'a run was tried, and failed: open /var/tmp'
fails 1 as alice au new -y -a second
complains 'nothing can be run as it on this machine: open /var/tmp'
rm /var/tmp && mv /var/tmp.old /var/tmp
ok as alice au new -y -a second
ok as alice au delete -y -H -a second

promise="with hidepid the policy keeps the cgroups of the keeper, and runs join them"
mount -o remount,hidepid=2 /proc
ok as alice au info
ok as alice au new -y
says 'nothing to do'
ok as alice au new -y -a second
ok as alice au run -a second true

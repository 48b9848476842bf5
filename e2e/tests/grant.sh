#!/bin/sh
# A second human can be let in, and shut out again.
. /opt/e2e/lib.sh
ok as alice au new -y
uid=$(id -u agent)
fails 125 as bob au run id -u
snapshot

ok as alice au grant bob
says '$ sudo usermod --append --groups su-as-agent bob'
ok as bob au run id -u
says_exactly "$uid"
ok as bob au list
says agent
ok as bob au info
says_not BROKEN
ok as bob sh -c 'echo from bob > /home/agent/bobs && cat /home/agent/.profile >/dev/null'
ok as alice sh -c 'echo and alice >> /home/agent/bobs'
ok as alice au grant bob
says 'nothing to do'

promise="an entrypoint that one of them installs anew does not lock the other out"
rm /usr/local/libexec/au/agent/su_as_agent
ok as bob au new -y
ok as bob au run true
ok as alice au run true
ok as alice au info

ok as alice au revoke bob
fails 125 as bob au run true
fails 1 as bob cat /home/agent/bobs
fails 126 as bob /usr/local/libexec/au/agent/su_as_agent agent -- true
ok as alice au run true
rm /home/agent/bobs
as alice au run true
fails 1 as alice au revoke bob
complains 'may not enter'
fails 1 as alice au revoke alice
complains 'only human'
fails 1 as alice au grant nosuch
complains 'user "nosuch": no such user'
fails 1 as alice au grant root
unchanged before '/var/lib/au' '/home/(bob|alice)/\.config' '/home/agent ' '/usr/local/libexec/au/agent/su_as_agent '

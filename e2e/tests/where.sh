#!/bin/sh
# A run starts where its human thinks it does: in the counterpart of the current folder, or nowhere. At a terminal au asks.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir project shared && ln -s project link && touch project/keep'
ok as alice au run touch keep

promise="in a folder that the agent does not see nothing is started, and the line to paste shares it"
for folder in project link; do
	fails 125 as alice sh -c "cd $folder && au run rm keep"
	complains 'au: /home/alice/project is not shared, so the agent does not see it; nothing was started (-d ~agent starts in the agent'"'"'s home)'
	complains 'au: hint: au mount add --agent agent --rw /home/alice/project'
done
fails 125 as alice sh -c 'cd project && au run -e A=1 rm keep'
fails 125 as alice sh -c 'cd project && au shell'
fails 125 as alice au run -d project rm keep
complains 'au mount add --agent agent --rw /home/alice/project'
ok test -e /home/agent/keep
fails 125 as alice sh -c 'mkdir gone && cd gone && rmdir ../gone && au run rm keep'
complains 'au: the current folder has been deleted, or cannot be reached; nothing was started'
fails 125 as alice sh -c 'mkdir gone && cd gone && rmdir ../gone && mkdir ../gone && au run rm keep'
complains 'has been deleted'
install -d -o alice /srv/project
fails 125 as alice sh -c 'cd /srv/project && au run rm keep'
complains 'au: /srv/project is not shared: the agent sees as much of it as other users do; nothing was started'
complains 'au: hint: au run --agent agent -d /srv/project …'
install -d -g alice -m 0770 /srv/team
fails 125 as alice sh -c 'cd /srv/team && au run rm keep'
ok test -e /home/agent/keep

promise="the agent's home is started in where that is said"
for words in '-d ~agent' '-d /home/agent' '-d ~' '-d /home/alice' '-d "$HOME/"'; do
	ok as alice sh -c "cd project && au run $words pwd"
	says_exactly /home/agent
	ok as alice sh -c "mkdir -p gone && cd gone && rmdir ../gone && au run $words pwd"
	says_exactly /home/agent
done
ok as alice sh -c 'cd /srv/project && au run -d . pwd'
says_exactly /srv/project

promise="and from the human's own home, and from folders of the system"
# shellcheck disable=SC2088 # alice's shell expands it
for folder in '~' '~/project/..' / /usr/share /etc /tmp /var/tmp /home; do
	ok as alice sh -c "cd $folder && au run pwd"
	says_exactly /home/agent
	[ ! -s /run/e2e/err ] || fail "from $folder there is nothing to say"
done

promise="the hint works"
ok as alice au mount add --rw project
ok as alice sh -c 'cd project && au run rm keep && test ! -e keep'
ok test -e /home/agent/keep

promise="at a terminal it asks"
ok python3 /opt/e2e/tests/terminal/where.py

#!/bin/sh
# A share that is unavailable is left out only where nothing is lost by it: not one that was asked for, not where the run starts, and never one that narrows another alone.
. /opt/e2e/tests/attacks/common
human mkdir -p $share/above/inner $share/beside /home/alice/over
# said SHARE WHY: it was left out, for that reason.
said() { complains "share $1 is left out of this run: $2"; }
starts_without() { # ARGUMENT…: what is available of attacked is listed
	ok enter "$@" -- sh -c 'ls attacked 2>/dev/null || :'
}

starts_without --try-rw /home/alice/nosuch attacked
said /home/alice/nosuch 'it is not there any more'
complains 'hint: au mount remove --agent agent /home/alice/nosuch'
ok enter --try-rw '/home/alice/$(id) x' attacked -- true
[ "$(grep -c hint $e2e/err)" = 0 ] || fail "a line to paste holds what a shell would obey"
starts_without --try-ro $share attacked
says hers

promise="what was asked for, or where the run starts, is not left out"
fails 125 enter --rw /home/alice/nosuch attacked -- true
fails 125 enter --dir /home/agent/attacked/x --try-rw /home/alice/nosuch attacked -- true
fails 125 enter --dir /home/agent/attacked --try-rw /home/alice/nosuch attacked -- true
ok enter --dir /home/agent --try-rw /home/alice/nosuch attacked -- true
ok enter --dir /tmp --try-rw /home/alice/nosuch attackedx -- true

promise="without what makes a part of it read-only, a writable share is not there, in whatever order they are given"
starts_without --try-rw $share attacked --try-ro $share/nosuch attacked/nosuch
said $share/nosuch 'it is not there any more'
said $share "it would show more than it should without $share/nosuch"
says_not hers
starts_without --try-ro $share/nosuch attacked/nosuch --try-rw $share attacked
says_not hers
fails 125 enter --rw $share attacked --try-ro $share/nosuch attacked/nosuch -- true
fails 125 enter --dir /home/agent/attacked --try-rw $share attacked --try-ro $share/nosuch attacked/nosuch -- true
promise="nor without one that is shown elsewhere"
starts_without --try-rw $share attacked --try-ro $share/nosuch elsewhere
says_not hers
promise="nor without what covers a part of it, writable or not"
for how in ro rw; do
	starts_without --try-ro $share attacked --try-$how /home/alice/nosuch attacked/above
	says_not hers
done
promise="nor is one that such a share narrows, in turn"
starts_without --try-rw $share attacked --try-ro $share/above attacked/above --try-ro /home/alice/nosuch attacked/above/inner
said $share/above 'it would show more'
said $share 'it would show more'
says_not hers

promise="a writable folder in a read-only share goes alone"
starts_without --try-ro $share attacked --try-rw $share/nosuch attacked/nosuch
says hers
said $share/nosuch 'it is not there any more'
[ "$(grep -c 'left out' $e2e/err)" = 1 ] || fail "more than one share is left out"

promise="a place that the agent spoils in the outer share takes that along"
ok enter --rw $share attacked -- sh -c 'rm -rf attacked/above; touch attacked/above'
starts_without --try-rw $share attacked --try-ro /home/alice/over attacked/above
said /home/alice/over 'share target attacked/above: above: Not a directory'
says_not hers
promise="all the others are there as they should be"
ok enter --try-rw $share attacked --try-rw $share/beside attacked/beside --try-ro /home/alice/over attacked/above --try-ro /home/alice/over last -- sh -c 'touch attacked/beside/made && ls -A attacked last'
says_not hers
says last
ok human test -e $share/beside/made
ok enter --rw $share attacked -- sh -c 'rm attacked/above; ln -s .. attacked/above'
starts_without --try-rw $share attacked --try-ro /home/alice/over attacked/above
says_not hers
ok enter --rw $share attacked -- rm attacked/above

promise="what is left out is not held on to, so that it can be unmounted"
install -d /home/box /home/box/lower /home/box/upper /home/box/work
human mkdir $share/over
held() { # ARGUMENT…: prints how much the run's first process holds open
	start "$@" -- sleep 60
	soon pgrep -u agent sleep
	find "/proc/$(pgrep -u agent su_as_agent)/fd" -type l | wc -l
	pkill -u agent sleep
	wait
}
enter -- touch taken
before=$(held --try-rw $share attacked)
mount -t overlay -o lowerdir=/home/box/lower,upperdir=/home/box/upper,workdir=/home/box/work over $share/over
ok [ "$(held --try-rw $share attacked --try-rw /home/alice/over taken)" = "$before" ]
umount $share/over
enter -- rm -r taken last
rm -rf /home/box /home/alice/over

#!/bin/sh
# A file that is hidden in a draft, or in a share that is only read, is nowhere for the agent: it neither reads, names, moves nor removes it, whatever it does around it.
# shellcheck disable=SC2086 # words
. /opt/e2e/tests/attacks/common
state=/home/alice/.local/state/au/drafts/agent-1
rm -rf ${state%/drafts*}
new_state() {
	human mkdir -p $state
	rm -rf ${state:?}/*
	human mkdir -m 700 $state/upper $state/work $state/hide $state/hide/sub
	human touch $state/lock
	human chmod 700 $state
	for name in key room never sub/key; do human mknod $state/hide/$name c 0 0; done
}
rm -f $share/*
human sh -c "cd $share && mkdir sub room && echo open >open && echo open >sub/open && echo only-the-human-has-this >key && chmod 755 key && cp key sub/key && cp key room/key && setfattr -n user.k -v v key"
sync
seen() { (cd $share && find . -printf '%p %y %m %U %i %s %C@\n' | sort) >/run/e2e/hidden.$1; }
seen before
tries="python3 $here/hidden.py /home/alice/attacked /home/agent/attacked"
untouched() {
	seen after
	ok cmp /run/e2e/hidden.before /run/e2e/hidden.after
}

promise="nothing of it is had in a draft, by either path"
new_state
ok enter --same-hiding-draft $share attacked $state --dir $share -- $tries
says_exactly 'done'
untouched
# Nothing that the agent removed is a reason to show anything.
ok enter --same-hiding-draft $share attacked $state --dir $share -- sh -c 'ls -A; ! cat key sub/key room/key 2>/dev/null'
silent

promise="nor in a second run, after the agent has renamed what holds it, nor from another folder of that name"
new_state
ok enter --same-hiding-draft $share attacked $state --dir $share -- sh -c 'mkdir other && mv sub other/moved && mkdir sub && mv other/moved sub/inner && ln sub/inner/open linked'
ok enter --same-hiding-draft $share attacked $state --dir $share -- sh -c 'find . -name key; ! cat sub/inner/key sub/key 2>/dev/null; mv sub/inner back; ls back'
says_exactly open
untouched

promise="nor in a share that is only read, where nothing can be made in its place either"
new_state
rm -r $state/upper $state/work
ok enter --same-hiding-ro $share attacked $state --dir $share -- $tries
says_exactly 'changes end with EROFS'
untouched

promise="it is in no file that the agent can reach, and no name of the layers is"
new_state
ok enter --same-hiding-draft $share attacked $state --dir $share -- sh -c 'grep -rl only-the-human-has-this /home /run /tmp /var /srv /dev/shm 2>/dev/null; cat /proc/self/mountinfo'
says_not /home/alice/.local
says_not attacked/key
says_not ' /home/alice/attacked/sub'
rm -rf ${state%/drafts*}

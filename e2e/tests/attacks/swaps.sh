#!/bin/sh
# While folders on the way to a share's own path are swapped, by the agent or by the human, a run has the folder that was opened there, on itself or in a cover, or is refused.
. /opt/e2e/tests/attacks/common
: "${ROUNDS:=100}"
rm -rf /home/alice/swapped /home/.elsewhere /home/agent/planted # what a run before this one left
ok enter -- sh -c 'mkdir -p planted/proj'
itself="python3 $here/itself.py"
all_refused=0
# swap COMMAND…: alice runs it in the background. by_agent ONE OTHER [MILLISECONDS]: the agent exchanges these, below the share. rounds WHAT ARG…: many runs
# with ARG…, each of which looks around, in the meantime; then nobody swaps any more.
swap() {
	setpriv --reuid=alice --regid=alice --init-groups -- "$@" </dev/null >/dev/null 2>&1 &
	swapper=$!
	soon pgrep -f 'swap[.]py'
}
by_agent() { swap $E agent --rw $share attacked -- python3 $here/swap.py "$@"; }
rounds() {
	what=$1 went=0 refused=0
	shift
	kill -0 $swapper || fail "nobody swaps"
	for _ in $(seq $((20 + ROUNDS / 10))); do
		status=0
		enter "$@" >$e2e/out 2>$e2e/err </dev/null || status=$?
		case $status in
		0) went=$((went + 1)) ;;
		125) refused=$((refused + 1)) ;;
		*) fail "$what: a run had something else there: $status, $(cat $e2e/out $e2e/err)" ;;
		esac
		[ $status = 0 ] || grep -q '^au: share' $e2e/err || fail "$what: it should name the share: $(cat $e2e/err)"
		! grep 'at its own path' $e2e/err | grep -q 'is left out' || fail "$what: a share without a place at its own path is not left out"
	done
	echo "swaps: $what: $went began, $refused were refused"
	[ $went -gt 0 ] || fail "$what: none of the runs began, which shows nothing: $(cat $e2e/err)"
	all_refused=$((all_refused + refused))
	kill $swapper
	wait $swapper 2>/dev/null
	soon sh -c "! pgrep -f 'swap[.]py'"
}

set_up() { human sh -c "cd $share && rm -rf way other link last fifo && mkdir -p way/proj other/proj && ln -s /home/agent/planted link && ln -s /home/agent/planted/proj last && mkfifo fifo"; }
for pair in 'way other' 'way link' 'way/proj other/proj' 'way/proj last' 'way/proj fifo'; do
	set_up
	by_agent attacked/${pair% *} attacked/${pair#* }
	rounds "the agent, $pair" --same-ro $share attacked --same-rw $share/way/proj p -- $itself attacked
done
set_up
by_agent attacked/way attacked/other 20
rounds "the agent, slowly, a share to leave out" --same-ro $share attacked --try-same-rw $share/way/proj p -- $itself attacked

promise="what the agent has put at the path in the meantime is not followed, waited for or covered"
elsewhere() { mkdir -p /home/.elsewhere$1 $1 && { mountpoint -q $1 || mount --bind /home/.elsewhere$1 $1; }; }
elsewhere /tmp/hers
install -d -o alice -g alice -m 755 /tmp/hers/proj
for plant in 'ln -s / /tmp/hers' 'mkdir /tmp/hers; ln -s /etc /tmp/hers/proj' 'mkdir /tmp/hers; mkfifo /tmp/hers/proj' 'touch /tmp/hers' 'mkdir -p /tmp/hers/proj'; do
	ok enter -- sh -c "rm -rf /tmp/hers; $plant"
	for word in --same-rw --try-same-ro; do
		fails 125 timeout 20 setpriv --reuid=alice --regid=alice --init-groups -- $E agent $word /tmp/hers/proj proj -- true
		complains 'share /tmp/hers/proj: at its own path'
	done
done
ok enter -- rm -rf /tmp/hers
umount /tmp/hers

promise="a folder that a link leads to, another's, and one that the human cannot reach are no share at their own path either"
for source in $share/link $share/last $share/link/proj $share/way/../other /proc/self/root$share /home/bob $share/bobs; do
	fails 125 enter --same-rw $source p -- true
done

promise="the human swaps what is above a share, in a cover, where nothing is renamed"
install -d -o alice -g alice /home/alice/swapped
human sh -c 'cd /home/alice/swapped && mkdir -p way/proj other/proj'
for word in --same-rw --try-same-rw; do
	swap python3 $here/swap.py /home/alice/swapped/way /home/alice/swapped/other
	rounds 'the human, in a cover' $word /home/alice/swapped/way/proj p -- sh -c 'now=$(date +%N); echo $now >p/mark && [ "$(cat /home/alice/swapped/way/proj/mark)" = $now ]'
done

promise="the human swaps what is above a share, where nothing covers it"
elsewhere /srv/open
install -d -o alice -g alice /srv/open/swapped
human sh -c 'cd /srv/open/swapped && mkdir -p way/proj other/proj && ln -s other link'
for other in other link; do
	swap python3 $here/swap.py /srv/open/swapped/way /srv/open/swapped/$other
	rounds "the human, way and $other" --same-rw /srv/open/swapped/way/proj p -- $itself swapped
done
umount /srv/open

promise="many shares, one below another and side by side, while the agent swaps two in the middle"
human sh -c "cd $share && rm -rf way other && for side in way other; do mkdir -p \$side/c$(printf '/c%.0s' $(seq 70)); done; mkdir many; for i in \$(seq 70); do mkdir many/\$i; done"
below=$share/way words="--same-rw $share/way d0"
for i in $(seq 70); do
	below=$below/c
	[ $((i % 2)) = 0 ] && access=rw || access=ro
	words="$words --same-$access $below d$i --same-$access $share/many/$i m$i"
done
for pair in 'way/c/c/c other/c/c/c' 'many/1 many/70'; do
	# shellcheck disable=SC2086 # words
	by_agent attacked/${pair% *} attacked/${pair#* } 1000
	# shellcheck disable=SC2086 # words
	rounds "the agent, $pair, among 141 shares" --same-ro $share attacked $words -- $itself attacked
done
ok enter -- sh -c 'rm -rf planted d[0-9]* m[0-9]* p q proj; true'
rm -rf /home/.elsewhere /home/alice/swapped
[ $all_refused -gt 0 ] || fail "no run was refused, so nothing was swapped in time"

#!/bin/sh
# While the agent swaps folders for links as fast as it can, runs start only where they should.
. /opt/e2e/tests/attacks/common
: "${ROUNDS:=100}"
enter -- sh -c 'rm -rf race; mkdir -p race/way/skel; ln -s /etc race/link'
start -- python3 $here/swap.py race/way race/link
targets=$waiter
install -d -o alice -g alice $share/s $share/s/docs /home/alice/Documents
install -o alice -m 600 /dev/null /home/alice/Documents/private
ln -s ../../Documents $share/link
chown -h alice:alice $share/link
start --rw $share attacked -- python3 $here/swap.py attacked/s/docs attacked/link
sources=$waiter
sleep 0.5
started=0 refused=0
for _ in $(seq "$ROUNDS"); do
	human $E agent --rw $share race/way/skel -- sh -c '[ ! -e /etc/skel/hers ] || exit 7' >$e2e/out 2>&1 </dev/null
	case $? in 0) started=$((started + 1)) ;; 125) refused=$((refused + 1)) ;; *) fail "a target led out of the home: $(cat $e2e/out)" ;; esac
	human $E agent --ro $share/s/docs docs -- sh -c '[ ! -e docs/private ] || exit 7' >$e2e/out 2>&1 </dev/null
	case $? in 0) started=$((started + 1)) ;; 125) refused=$((refused + 1)) ;; *) fail "a source led to another folder: $(cat $e2e/out)" ;; esac
done
kill $targets $sources
wait
echo "race: $started started, $refused refused"
[ $started -gt 0 ] && [ $refused -gt 0 ] || fail "the race was none: $started started, $refused refused"
rm -rf /home/alice/Documents
soon enter -- rm -rf race docs

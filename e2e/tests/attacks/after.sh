#!/bin/sh
# While a program says something after the run, the terminal is the human's: keys end or stop that program, and the status stays the run's.
. /opt/e2e/tests/attacks/common
cp $here/after.py /opt/after.py
for story in hurries stops early between unread stuck; do
	ok python3 /opt/after.py "$story" $E
	says_exactly "$story"
done
rm /opt/after.py

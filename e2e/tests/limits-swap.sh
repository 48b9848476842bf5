#!/bin/sh
# A memory limit is what it says: an agent does not get round it through the swap, unless it is given some.
# timeout: 1500
# machines: none
# machines by hand: true
. /opt/e2e/lib.sh
fallocate -l 700M /swapfile
chmod 600 /swapfile
ok mkswap -q /swapfile
ok swapon /swapfile
cat >/usr/local/share/hog.py <<'END'
x = [bytearray(b"x" * (1 << 20)) for _ in range(400)]
print("survived")
END
ok as alice au new -y --mem 128M
complains "agent agent gets no swap either"
fails 137 as alice au run python3 /usr/local/share/hog.py

promise="--swap gives it some"
ok as alice au limits set --swap infinity
ok as alice au run python3 /usr/local/share/hog.py
says survived
ok as alice au limits set --swap 64M
fails 137 as alice au run python3 /usr/local/share/hog.py

promise="taking the memory limit away gives the swap back"
ok as alice au limits set --swap 0
ok as alice au limits set --mem infinity
ok as alice sh -c 'au limits show --json | jq -r .limits.swap.text'
says_exactly infinity
ok as alice au run python3 /usr/local/share/hog.py
says survived

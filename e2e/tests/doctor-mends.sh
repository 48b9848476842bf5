#!/bin/sh
# `au doctor --fix` mends an agent's home by the machine's programs: none of the agent's own reads the human's terminal, writes to it, or holds the mend up.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
ok as alice au new -y

promise="a run makes a set-gid file, and doctor names it"
ok as alice au run sh -c 'cd ~ && echo >mine && chgrp agent mine && chmod g+s mine'
fails 1 as alice au doctor
says 'broken home-setid: agent agent: /home/agent/mine is set-uid or set-gid'

promise="what --fix runs is the machine's own, whatever is first on the agent's PATH"
# shellcheck disable=SC2016 # the agent's shell expands it
as alice au run sh -c 'mkdir -p ~/.local/bin && cd ~/.local/bin && cat >find && for name in sh chmod xargs env true; do cp find $name; done && chmod +x *' <<'END'
#!/bin/bash
echo "$0 $*" >>/home/agent/ran
exec 2>&1
printf '\e]0;taken\a[sudo] password for alice: '
read -r password
echo "$password" >>/home/agent/ran
exec /usr/bin/sleep 1000
END
ok test -x /home/agent/.local/bin/true -a -s /home/agent/.local/bin/find
ok python3 /opt/e2e/tests/doctor/mend.py
fails 1 test -e /home/agent/ran
ok stat -c %a /home/agent/mine
says_exactly 660

promise="so is what it prints for a person to paste"
ok chmod g+s /home/agent/mine
e2e_run as alice au doctor
sed -n 's/^  hint: \(au run .*\)/\1/p' "$e2e/out" >/run/line
ok test -s /run/line
ok as alice timeout 60 sh -c "$(cat /run/line)"
fails 1 test -e /home/agent/ran
ok as alice au doctor
says '0 broken,'

#!/bin/sh
# The runs by which au tries or sets up something begin no draft, and write in no share.
# machines: trixie
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
internet_up
drafts=/home/alice/.local/state/au/drafts
as alice mkdir -p drafted work tools/bin
as alice sh -c 'printf "#!/bin/sh\necho codex-cli 9.9.9\n" >tools/bin/codex && chmod +x tools/bin/codex && echo secret >work/file'
ok as alice au new -y
ok as alice au mount add --draft drafted
ok as alice au mount add --rw work
ok as alice au mount add --rw tools
ok as alice au path add tools/bin
# none: no draft has begun.
none() { test ! -e $drafts || test -z "$(ls -A $drafts)" || fail "a draft has begun: $(ls -A $drafts)"; }
ok as alice au net restrict --allow github.com:22
says 'au run --agent agent --directory /home/agent --no-shares -- /bin/sh -c'
none
ok as alice au net status --verify
says '$ au run --agent agent --directory / --no-shares -- '
none
e2e_run as alice au doctor
says '0 broken'
none
ok as alice au setup
says 'codex     installed'
none

promise="a run without shares sees none of them, but for the folders of its PATH, to read"
ok as alice au run --no-shares -d /home/agent sh -c 'ls -A /home/alice; codex'
says 'tools'
says 'codex-cli 9.9.9'
says_not 'work'
says_not 'drafted'
complains_not 'PATH'
fails 2 as alice au run --no-shares -d /home/agent sh -c 'echo x >/home/alice/tools/x'
complains 'Read-only file system'
none
fails 125 as alice sh -c 'cd work && au run --no-shares pwd'
complains '/home/alice/work is not shared'
complains_not 'au mount add'
ok as alice au run --no-shares --ro work -d /home/agent ls -A /home/alice
says 'work'
says_not 'drafted'
fails 125 as alice au run --no-shares --ro drafted true
complains 'share "drafted": the agent has less of it by /home/alice/drafted, which the config shares: want it without --no-shares'
none

promise="a folder for writing is not shared without the share that makes a part of it read-only"
as alice mkdir -p mixed/fixed mixed/free
ok as alice au mount add mixed/fixed elsewhere
for folder in mixed /home/alice/mixed; do
	for option in --rw --draft; do
		fails 125 as alice au run --no-shares $option $folder -d /home/agent touch /home/alice/mixed/fixed/x
		complains "the agent has less of it by /home/alice/mixed/fixed, which the config shares: want it without --no-shares"
	done
done
test ! -e /home/alice/mixed/fixed/x || fail "the agent wrote there"
ok as alice au run --no-shares --ro mixed -d /home/agent ls /home/alice/mixed/fixed
ok as alice au run --no-shares --rw mixed/free -d /home/agent touch /home/alice/mixed/free/x
fails 125 as alice au run --rw mixed true
complains 'it cannot be read-only inside'
none

promise="what an agent does in a draft meanwhile keeps none of them from it"
as alice sh -c 'au run -d /home/agent sleep 600 >/dev/null 2>&1 &'
soon test -e $drafts
soon sh -c 'au --human alice list | grep -q sleep'
fails 125 as alice au run -d /home/agent true
for words in 'verify' 'net status --verify' 'setup'; do ok as alice au $words; done
ok as alice au stop
ok as alice au run -d /home/agent true
test -n "$(ls -A $drafts)" || fail "a run with shares should begin the draft"

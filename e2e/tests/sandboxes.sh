#!/bin/sh
# A sandbox that needs user namespaces starts in a run where --unlock userns gives them; where it does not, the run says what does.
# machines: bookworm
# machines by hand: trixie
# npm: @openai/codex@0.171.0-linux-x64
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir -m 700 work && mkdir work/shop && cd work/shop && au mount add --rw . >/dev/null'
shop=/home/alice/work/shop
in_shop() { as alice sh -c 'cd work/shop && exec "$@"' sh "$@"; }
# Claude Code and others ask this of it: nothing but the project can be written, and there is no network.
boxed() { in_shop au run bwrap --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --bind $shop $shop --unshare-all --die-with-parent "$@"; }
openat2() {
	in_shop au run python3 -c 'import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
how = struct.pack("QQQ", os.O_CREAT | os.O_WRONLY, 0o4755, 0)
exit(ctypes.get_errno() if libc.syscall(437, -100, b"planted", how, 24) < 0 else 0)'
}
# codex, with its own bubblewrap: a program for one processor.
codex=
if [ "$(uname -m)" = x86_64 ]; then
	ok tar -C /usr/local/lib -xzf /opt/e2e/npm/openai-codex-0.171.0-linux-x64.tgz --wildcards '*/bin/codex' '*/codex-resources/bwrap'
	codex=$(echo /usr/local/lib/package/vendor/*/bin/codex)
fi
coded() { in_shop timeout 120 au run "$codex" sandbox -c 'sandbox_mode="workspace-write"' -- "$@"; }

promise="without the switch bubblewrap does not start, and one line names the switch and what it gives up"
fails 1 boxed touch made
complains 'au: bwrap needs user namespaces, which no run of agent "agent" has: --unlock userns gives up a smaller kernel to attack; and in a writable share the agent can make set-uid files of yours'
complains 'au: hint: au new --agent agent --unlock userns'
fails 1 as alice au run /usr/bin/bwrap --ro-bind / / true
complains 'au: bwrap needs user namespaces'
fails 1 as alice au run bwrap --nosuch # au does not know why it failed
complains 'au: bwrap needs user namespaces'
fails 1 at_terminal alice au run bwrap --ro-bind / / true
says 'au: bwrap needs user namespaces'
if [ -n "$codex" ]; then
	fails 1 coded true
	complains 'au: codex needs user namespaces'
fi

promise="it is said of nothing that ended otherwise, nor of what another program started, whose own words say it"
ok in_shop au run bwrap --version
complains_not userns
for started in "sh -c 'bwrap --ro-bind / / true; exit 1'" 'timeout 60 bwrap --ro-bind / / true' 'env bwrap --ro-bind / / true'; do
	eval "fails 1 in_shop au run $started"
	complains 'No permissions to create'
	complains_not userns
done
fails 1 as alice sh -c 'echo exec bwrap --ro-bind / / true | au shell'
complains 'No permissions to create'
complains_not userns
fails 143 in_shop au run sh -c 'ln -sf /bin/sh ~/bwrap; exec ~/bwrap -c "kill \$\$"'
complains_not userns

promise="nor is the call there whose mode no filter sees"
fails 38 openat2

promise="with it bubblewrap starts, and keeps its word"
ok as alice au new -y --unlock userns
complains 'It gives up a smaller kernel to attack; and in a writable share the agent can make set-uid files of yours, by an ordinary call (openat2)'
ok boxed sh -c 'touch made && ! touch ~/not 2>/dev/null && ls -A /tmp | wc -l && wc -l </proc/net/dev'
says_exactly '0
3'
ok stat -c %U $shop/made
says_exactly alice
fails 3 boxed sh -c 'exit 3'
complains_not userns

if [ -n "$codex" ]; then
	promise="so does codex's, with the machine's bubblewrap and with its own"
	for round in machine own; do
		ok coded sh -c "touch $round && ! touch ~/not 2>/dev/null && touch /tmp/$round"
		ok test -e $shop/$round
		fails 1 test -e /home/agent/not
		mv /usr/bin/bwrap /usr/bin/other_bwrap 2>/dev/null
	done
fi

promise="what it gives up is what it says: a set-uid file, which the report after the run names, and on disk is the human's"
ok openat2
complains 'au:   planted (set-id'
ok find $shop -perm -4000 -user alice
says_exactly $shop/planted
fails 1 as alice au mount check $shop
says 'planted (mode 4755)'

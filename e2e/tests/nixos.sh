#!/bin/sh
# The files that the NixOS module writes, put on a machine as NixOS would put them, let the declared humans run commands as the declared agents.
# machines: trixie
# machines by hand: bookworm true
# timeout: 900
. /opt/e2e/lib.sh
. /opt/e2e/tests/nixos/lib.sh
e2e_advice=/tmp/advice

# 3. A run is the agent's, for alice and for nobody else.
ok as alice sh -c 'mkdir -p example/bin hidden/docs other drafted; git config --global user.name Alice; echo docs >hidden/docs/file; printf "#!/bin/sh\necho tool\n" >example/bin/tool; chmod +x example/bin/tool'
ok as alice chmod o= .
ok as alice au run -a claude id -u
says_exactly 54237
ok as alice au run -a claude sh -c 'echo made >example/file && cat example/file'
ok as alice stat -c %U example/file
says_exactly alice
ok as alice au run -a claude cat /home/alice/example/file
says_exactly made
ok as alice au run -a claude sh -c 'git config --global user.name; cat /home/alice/.gitconfig | grep -c Alice; ! git config --global user.name Agent 2>/dev/null; cat ~/docs/file; ls -A /home/alice'
says_exactly 'Alice
1
docs
.gitconfig
drafted
example'
if since 5.19; then
	promise="of a folder that is declared as a draft the agent has a draft"
	ok as alice au run -a claude -d drafted -- sh -c 'echo made >new && cat new'
	says_exactly made
	ok as alice test ! -e drafted/new
	ok as alice sh -c 'cd drafted && au draft diff --name-status && au draft keep -y && cat new'
	says 'A	new'
	says made
fi
ok as alice au run -a claude tool
says_exactly tool
complains '/home/alice/other is left out of the PATH of this run: the agent does not see it'
ok as alice au path list -a claude
says_exactly "/home/alice/example/bin
/home/alice/other (left out: the agent does not see it: want a folder of the agent's own, one in a share, or one that only root can write)"
fails 1 as alice au path remove -a claude example/bin
complains security.au.agents.claude.path
fails 1 as alice au run -a claude cat /home/alice/.config/agent-as-unix-user.toml
fails 125 as bob au run -a claude true
fails 126 as bob sh -c '/run/wrappers/bin/su-as-claude claude -- true'
fails 126 runuser -u claude -- sh -c '/run/wrappers/bin/su-as-claude claude -- true'
fails 125 as alice /run/wrappers/bin/su-as-claude ../claude -- true
fails 125 as alice /run/wrappers/bin/su-as-shut nobody -- true

# 4. It is shown, and not au's to change.
ok as alice au list
says 'claude (declared in the NixOS configuration)'
ok as alice au info -a claude
says /run/wrappers/bin/su-as-claude
says_not BROKEN
says 'limits: cpu 150%, mem 64M, swap 0, tasks 50, cpu-weight 50'
ok as alice au mount list -a claude
says 'example -> /home/claude/example [rw]'
says '/home/alice/.gitconfig -> /home/claude/.gitconfig [ro, file]'
says '/home/alice/hidden/docs -> /home/claude/docs [ro, target only]'
ok as alice au mount list -a claude --json
says '/home/claude/example'
ok as alice au mount check -a claude
says /home/alice/example
ok as alice mkdir -p another
ok as alice au mount add -a claude another
ok as alice grep -c /run/wrappers/bin/su-as-claude .config/agent-as-unix-user.toml
ok as alice au mount remove -a claude another
ok as alice env EDITOR=ed au run -a claude printenv EDITOR
says_exactly ed
promise="variables of the configuration are in every run, and the human's own go before them"
ok as alice au run -a claude printenv FROM BOTH
says_exactly 'the configuration
the configuration'
as alice cp .config/agent-as-unix-user.toml kept.toml
as alice sed -i -e '/^set_env/d' -e '/^user_name = "claude"/a set_env = ["BOTH=mine"]' .config/agent-as-unix-user.toml
ok as alice au run -a claude printenv FROM BOTH
says_exactly 'the configuration
mine'
as alice mv kept.toml .config/agent-as-unix-user.toml
promise="a program that is missing is a package of the configuration's"
fails 127 as alice au run -a claude codex
complains 'hint: security.au.agents.claude.programs can have "codex" in the NixOS configuration'
fails 1 as alice au setup -a claude codex -y
complains 'hint: security.au.agents.claude.programs can have "codex" in the NixOS configuration'
promise=$(sed -n '2s/^# //p' "$0")
snapshot
fails 1 as alice au mount remove -a claude example
complains security.au.agents.claude.shares
fails 1 as alice au new -y -a claude
complains 'declared in the NixOS configuration'
fails 1 as alice au delete -y -H -a claude
complains security.au.agents.claude
fails 1 as alice au limits set -a claude --mem 1G
touch /etc/NIXOS
fails 1 as alice au new -y -a third
complains 'agents."third" = {'
rm /etc/NIXOS
unchanged

# A session from before the switch that made the group: au says what lets them in, and that works.
before() { setpriv --reuid=alice --regid=alice --clear-groups env HOME=/home/alice USER=alice "$@"; }
fails 125 before au run -a claude true
complains 'lets you in from your next login on'
complains 'hint: newgrp su-as-claude'
fails 1 before au info -a claude
says 'log in again, or run newgrp su-as-claude'
echo 'au run -a claude true' >/tmp/entering
ok before newgrp su-as-claude </tmp/entering
fails 125 as bob au run -a claude true
complains 'hint: change security.au.agents.claude.humans in the NixOS configuration'

# A share that is gone is left out, and what is advised is not refused.
mv /home/alice/example /home/alice/away
ok as alice au run -a claude true
complains 'hint: au mount list --agent claude'
ok as alice au mount list -a claude
says '(missing)'
mv /home/alice/away /home/alice/example

# 5. The home can be edited by both, also after what narrows every ACL: a chmod, which the next switch puts right.
ok as alice au run -a claude sh -c 'umask 077; echo x >hers'
ok as alice sh -c 'echo y >>/home/claude/hers'
chmod 0750 /home/claude
ok systemd-tmpfiles --create 00-nixos.conf
ok as alice sh -c 'echo z >/home/claude/mine'
ok as alice au run -a claude sh -c 'echo z >>mine && rm hers'
ok stat -c '%a %U %G' /home/claude
says_exactly '2770 claude su-as-claude'
ok stat -c '%a %U' /home/claude/.ssh
says_exactly '700 claude'

# 6. Limits hold.
fails 137 as alice au run -a claude -- python3 -c 'bytearray(200 << 20)'
complains 'used up its memory limit of 64M'
complains security.au.agents.claude.memory
ok as alice au run -a claude true

# 7. An agent with net.enable reaches nothing that is not allowed; the other one does.
runuser -u alice -- python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 &
soon as alice au run -a claude curl -sS -m 10 -o /dev/null http://127.0.0.1:8000/
ok systemctl start au-net@shut.socket 'au-net-rules@shut.service' au-net@shut.service au-net-watch@shut.service
ok nft list table inet au_net_50002
fails 22 as alice au run -a shut curl -fsS -m 10 -o /dev/null http://127.0.0.1:8000/
ok as alice au net status -a shut --verify
refused="change security.au.agents.shut.net"
fails 1 as alice au net allow -a shut example.com
complains security.au.agents.shut
fails 1 as alice au net why -a shut elsewhere.example
says 'security.au.agents.shut.net.allow can have "elsewhere.example"'
says_not 'au net allow'
usermod --expiredate '' claude
fails 125 as alice au run -a claude true
complains 'is not expired'
complains 'hint: sudo nixos-rebuild switch'
usermod --expiredate 1 claude

promise="without the expiry there are no services of its own either"
usermod --expiredate '' shut
runuser -u shut -- loginctl enable-linger shut
sleep 2
fails 3 systemctl is-active user@50002.service
loginctl disable-linger shut
usermod --expiredate 1 shut

promise="no hint names a command that is refused: each that was given is followed"
fails 125 as alice sh -c 'mkdir -p unshared && cd unshared && au run -a claude true'
as alice sh -c 'git config --global user.email a@example; git config --global user.name Alice
	git init -q repo && cd repo && echo 1 >file && git add . && git commit -qm first && git worktree add -q ../tree && git -c protocol.file.allow=always submodule --quiet add ../repo sub'
ok as alice au mount add -a claude --rw tree
ok as alice au mount add -a claude --rw repo/sub
ok sh -c 'mount -t tmpfs -o mode=755 tmpfs /srv && mkdir -p /srv/data/closed && chown -R alice: /srv/data && chmod 0700 /srv/data; mkdir -m 0755 /srv/open; chown alice: /srv/open'
ok as alice au mount add -a claude --rw /srv/data/closed
fails 1 as alice au mount add -a claude --rw /srv/open
ok as alice au info -a claude
systemctl stop au-claude.service
fails 1 as alice au info -a claude
fails 125 as alice au run -a claude true
ok as alice au pause -a shut
fails 125 as alice timeout 20 au run -a shut true
fails 1 as alice au net why -a shut elsewhere.example
as alice au net status -a claude
as alice au net log -a claude
sort -u $e2e_advice >/tmp/given
e2e_advice=
for command in 'au mount add --agent claude --rw /home/alice/repo/.git' 'au mount list' 'sudo systemctl start au-claude.service' 'au resume --agent shut'; do
	e2e_last=
	grep -qF "$command" /tmp/given || fail "this is not advised, and so not followed: $command. These are: $(cat /tmp/given)"
done
while read -r hint; do
	case $hint in
	*'sudo nixos-rebuild switch'* | newgrp* | *' in the NixOS configuration') ;; # nothing that this machine has
	'sudo '*) ok sh -c "${hint#sudo }" ;;
	'au '*)
		e2e_run as alice timeout 30 sh -c "$hint"
		! grep -q 'NixOS configuration' $e2e/out $e2e/err || fail "it is refused, or tells of the configuration"
		[ "$e2e_status" != 2 ] || fail "it is no command of au's"
		;;
	*) fail "not known: $hint" ;;
	esac
done </tmp/given

promise="an agent that is not declared any more ends with all that it runs"
as alice au run -a claude sleep 1000 &
soon pgrep -u claude sleep
ok systemctl stop au-claude.service
soon sh -c '! pgrep -u claude'

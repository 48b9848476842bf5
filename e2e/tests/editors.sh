#!/bin/sh
# An editor that starts au run -- AGENT and speaks with it over standard input and output, by absolute paths, sees and is shown the same files under the same names.
# machines: none
# machines by hand: trixie bookworm
# flavour: paths
# npm tree: opencode-linux-x64-baseline@1.18.33 @zed-industries/claude-code-acp@0.16.2
# timeout: 900
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir -m 700 work other; mkdir work/shop other/shop; for p in work other; do cd ~/$p/shop
	echo "int one(void) { return 1; }" >one.h; printf "#include \"one.h\"\nint main(void) { return one(); }\n" >main.c; echo hello >note; cp /opt/e2e/tests/editors/*.py .; cd; done'
shop=/home/alice/work/shop
other=/home/alice/other/shop
ok as alice au mount add --rw work/shop
ok as alice au mount add --rw --target-only other/shop
agent='python3 /opt/e2e/tests/editors/agent.py'
editor='python3 /opt/e2e/tests/editors/editor.py'
in_project() { as alice sh -c "cd $1 && $editor $2"; }

promise="initialize, a session in the project, and files that are read and written by either, by their path"
ok in_project $shop "$shop where 'read $shop/note' 'write $shop/new' 'make $shop/made' -- au run -- $agent"
says_exactly "$shop
one
by the editor
by the agent"
ok stat -c %U $shop/made $shop/new
says_exactly 'alice
alice'
ok as alice sh -c "cd && $editor $shop where -- au run -- $agent" # an editor that starts its agents elsewhere
says_exactly $shop

promise="a share at its target alone is no place for a session by the human's path"
fails 1 in_project $other "$other where -- au run -- $agent"
complains "No such file or directory: '$other'"

promise="nothing but the command's own comes out of standard output, whatever au has to say"
as alice sh -c 'mkdir gone && au mount add gone >/dev/null && rmdir gone'
ok in_project $shop "$shop 'make $shop/.envrc' -- au run -- $agent"
says_exactly 'by the agent'
complains 'share /home/alice/gone is left out'
complains "in $shop:"
complains '.envrc (direnv runs it'
ok as alice au mount remove gone

promise="from a folder that is not shared there is one error, on standard error, and nothing else"
as alice mkdir private
e2e_run as alice sh -c "cd private && au run -- $agent"
[ "$e2e_status" = 125 ] || fail 'it should be refused'
complains 'au: /home/alice/private is not shared, so the agent does not see it; nothing was started'
complains 'au: hint: au mount add --agent agent --rw /home/alice/private'
[ "$(grep -c . $e2e/err)" = 2 ] || fail 'it should be one error and one hint'
says_exactly_nothing() { [ ! -s $e2e/out ] || fail 'standard output should be empty'; }
says_exactly_nothing
fails 1 as alice sh -c "cd private && $editor /home/alice/private where -- au run -- $agent"
complains 'no answer to initialize'

promise="MCP over standard input and output, both ways round"
ok in_project $shop "$shop 'mcp $shop/note' -- au run -- $agent" # started by the agent, as the session says
says_exactly 'text: hello'
for server in "$shop/mcp.py" /opt/e2e/tests/editors/mcp.py; do # and by the editor, as the agent
	ok as alice sh -c "cd $shop && printf '%s\n' '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}' '{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"text\",\"arguments\":{\"path\":\"$shop/note\"}}}' | au run -- python3 $server | tail -n 1"
	says 'text: hello'
done
ok as alice sh -c "cd $shop && printf '%s\n' '{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"text\",\"arguments\":{\"path\":\"/home/alice/.config/agent-as-unix-user.toml\"}}}' | au run -- python3 $shop/mcp.py"
says 'No such file or directory' # what the agent does not see, a server of its does not

promise="a language server that the agent starts names the files that the editor has open"
ok in_project $shop "$shop 'definition $shop/main.c' -- au run -- $agent"
says_exactly "file://$shop/one.h"

promise="VS Code's extension: a wrapper is started with the program that the extension brings, and starts the agent's own"
as alice sh -c 'mkdir -p .local/bin && printf "#!/bin/sh\nshift\nexec au run -- %s \"\$@\"\n" "'"$agent"'" >.local/bin/claude-as-agent && chmod +x .local/bin/claude-as-agent'
ok in_project $shop "$shop where -- /home/alice/.local/bin/claude-as-agent /home/alice/.vscode/extensions/bundled/claude"
says_exactly $shop

promise="opencode and claude-code-acp, as far as they go without a key: the session is there"
programs=/opt/e2e/npm/node_modules
opencode=$programs/opencode-linux-x64-baseline/bin/opencode # what opencode-ai starts
[ -x $opencode ] || skip 'the programs could not be had from npm'
ok in_project $shop "$shop -- au run -- $opencode acp"
says_exactly 'OpenCode True'
ok in_project $shop "$shop -- au run -- node $programs/@zed-industries/claude-code-acp/dist/index.js"
says '@zed-industries/claude-code-acp True'

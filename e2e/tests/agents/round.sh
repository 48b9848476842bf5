# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154 # after ../../lib.sh
# Sourced: what is tried of an agent program, from nothing to an update of its own, with npm's packages and a small internet of its own.
#
#   agents_up NAME…       the machine: a share of alice's, and an internet with the hosts of these programs
#   round NAME [POINT…]   tries a program, in all points or in some; for each a line in $e2e/round: its word, a tab, ok, none or why not, a tab, the seconds

. /opt/e2e/tests/setup/npm.sh
. /opt/e2e/tests/internet/up.sh
points="new setup screen stops version doctor commit restricted update"
authorities=/etc/ssl/certs/ca-certificates.crt
trusting="-e NODE_EXTRA_CA_CERTS=$authorities -e SSL_CERT_FILE=$authorities" # programs bring authorities of their own

# known NAME sets what au does not know of a program:
#   screen      words of its first screen
#   doctor      the command that looks at its own state; it may fail, since nobody is logged in
#   well        words that this command prints
#   ask, with   the command that asks its model, without the question, and the variables for that
#   hosts       its hosts, the one of the model first
#   releases    where its own update comes from, if not from npm
known() {
	doctor='' ask='' hosts='' screen='' well=. with='' releases=''
	case $1 in
	claude) screen='text style|Welcome' doctor='claude doctor' ask='claude -p' with=ANTHROPIC_API_KEY=sk-ant-x hosts='api.anthropic.com platform.claude.com claude.ai' ;;
	codex) screen='Sign in|Welcome' doctor='codex doctor' well='install +consistent' ask='codex exec --skip-git-repo-check' with="CODEX_API_KEY=x CODEX_CA_CERTIFICATE=$authorities" hosts='api.openai.com auth.openai.com chatgpt.com' ;;
	gemini) screen='Gemini|authenticate|trust' ask='gemini --skip-trust -p' with=GEMINI_API_KEY=x hosts='generativelanguage.googleapis.com cloudcode-pa.googleapis.com oauth2.googleapis.com' ;;
	opencode) screen='Ask anything|opencode' doctor='opencode debug config' ask='opencode run' hosts='opencode.ai models.dev' ;;
	copilot) screen='Copilot' ask='copilot -p' with=COPILOT_GITHUB_TOKEN=github_pat_x hosts='api.github.com github.com' releases=GitHub ;;
	qwen)
		screen='Qwen|provider|authenticat' doctor='qwen doctor' ask='qwen -p' hosts=dashscope.aliyuncs.com
		with="OPENAI_API_KEY=x OPENAI_MODEL=m OPENAI_BASE_URL=https://$hosts/compatible-mode/v1"
		;;
	cline) screen='Cline|cline' doctor='cline doctor' ask='cline' with=CLINE_API_KEY=x hosts=api.cline.bot ;;
	amp) screen='Amp|amp|login' doctor='amp mcp doctor' ask='amp -x' with=AMP_API_KEY=sgamp_x hosts=ampcode.com ;;
	*) fail "nobody has said what is tried of $1" ;;
	esac
	host=${hosts%% *}
}

agents_up() {
	internet_also=registry.npmjs.org # which some programs ask, whatever registry npm is set to
	for about; do
		known "$about"
		internet_also="$internet_also $hosts"
	done
	internet_up
	mkdir -p /run/internet/files/registry.npmjs.org
	echo '{}' >/run/internet/files/registry.npmjs.org/404
	as alice sh -c 'mkdir -m 700 work && mkdir work/shop && cd work/shop && git init -q'
}

# field NAME prints what au knows of the program: words, one on each line.
field() { jq -r --arg name "$1" '.[] | select(.name == $name) | '"$2" <"$e2e/programs"; }

facts() {
	as alice au setup --json >"$e2e/programs" || fail "au setup says nothing"
	command=$(field "$program" .command) package=$(field "$program" .npm) update=$(field "$program" '.update // ""')
}

# in_shop COMMAND… runs one in the share.
in_shop() { as alice sh -c 'cd work/shop && exec "$@"' sh "$@"; }

# reason prints in one line why a point did not come out well: what it should have been, and the last words of the command.
reason() {
	grep -A 1 '^FAILED' "$e2e/why" | sed -n '2s/^ *//p'
	sed -n 's/^  \(err\|out\)| //p' "$e2e/why" | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' | tr -d '\000-\010\013-\037`' | grep '[a-z]' | tail -n 1
} 2>/dev/null

round() {
	program=$1
	shift
	# shellcheck disable=SC2086 # words
	[ $# -gt 0 ] || set -- $points
	known "$program"
	: >"$e2e/round"
	for point; do
		[ "$point" != setup ] || facts
		began=$(date +%s)
		if (promise="$program: $point" && "try_$point") 2>"$e2e/why"; then
			result=ok
			[ ! -s "$e2e/none" ] || result=$(cat "$e2e/none")
		else
			cat "$e2e/why" >&2
			result="not: $(reason | paste -sd: | cut -c 1-160 | iconv -c -t UTF-8)"
		fi
		rm -f "$e2e/none"
		printf '%s\t%s\t%s\n' "$point" "$result" "$(($(date +%s) - began))" | tee -a "$e2e/round"
	done
}

# to_screen prints how many seconds the three commands took together, of the lines of a round.
to_screen() { awk -F'\t' '$1 ~ /^(new|setup|screen)$/ {sum += $3} END {print sum + 0}'; }

try_new() {
	ok as alice au new -y
	ok in_shop au mount add --rw .
}

try_setup() {
	before=$(in_shop ls -A)
	ok in_shop au setup "$program" -y
	says "is set up for agent agent"
	ok in_shop ls -A
	says_exactly "$before"
}

installed() { sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "/home/agent/.local/lib/node_modules/$package/package.json" | head -n 1; }

try_version() {
	[ -n "$(installed)" ] || fail "the package does not say its version"
	ok as alice au run "$command" --version
	says "$(installed)"
}

# show prints what alice's tmux shows.
show_screen() { as alice tmux capture-pane -p -t round; }

seen_screen() {
	show_screen >"$e2e/screen"
	grep -qE "$screen" "$e2e/screen"
}

try_screen() {
	as alice tmux kill-server 2>/dev/null # of another program
	ok as alice tmux new-session -d -s round -x 120 -y 40 "bash -c 'set -m; cd work/shop; au run $trusting $command; echo ended with \$?; sleep 600'"
	waited=0
	until seen_screen || [ $((waited += 1)) -gt 240 ]; do sleep 0.5; done # some take their time, more so beside others
	sleep 2
	show_screen >"$e2e/screen"
	cp "$e2e/screen" "$e2e/screen.$program"
	e2e_last=
	grep -qE "$screen" "$e2e/screen" || fail "it shows other words: $(grep '[a-z]' "$e2e/screen" | head -n 3 | tr '\n' ' ')"
	! grep -q '^ended with' "$e2e/screen" || fail "$(grep '[a-z]' "$e2e/screen" | tail -n 3 | tr '\n' ' ')"
}

# The first screen is still there.
try_stops() {
	as alice tmux send-keys -t round C-z
	waited=0
	until show_screen | tee "$e2e/screen" | grep -q '^ended with' || [ $((waited += 1)) -gt 20 ]; do sleep 0.5; done
	as alice au stop
	as alice tmux kill-server
	case $(sed -n 's/^ended with //p' "$e2e/screen") in
	148) echo stops ;;
	'') echo ignored ;;
	*) echo ends ;;
	esac >"$e2e/none"
}

try_doctor() {
	[ -n "$doctor" ] || { echo none >"$e2e/none"; return; }
	# shellcheck disable=SC2086 # words
	e2e_run at_terminal alice timeout 60 au run -d /home/agent $doctor
	[ "$e2e_status" -lt 124 ] || fail "it does not end"
	sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' "$e2e/out" | grep -qE "$well" || fail "it does not print that page"
}

try_commit() {
	ok in_shop au run sh -c "echo $program >>file && git add file && git commit -qm $program"
	ok in_shop git log -1 --format='%an <%ae>'
	says_exactly 'agent (agent of alice) <agent@alice.invalid>'
}

# asking runs the command that asks the model, with a key that opens nothing.
asking() {
	set --
	for pair in $with; do set -- "$@" -e "$pair"; done
	# shellcheck disable=SC2086 # words
	in_shop timeout 90 au run $trusting "$@" -- $ask "say hello"
}

# asks_host has it asked until its host hears of it.
asks_host() {
	asking &
	asked=$!
	until grep -q " $host/" /run/internet/web.log || ! kill -0 $asked 2>/dev/null; do sleep 0.5; done
	as alice au stop
	wait $asked
}

try_restricted() {
	presets=$(field "$program" '.presets[]' | sed 's/^/--preset /' | tr '\n' ' ')
	# shellcheck disable=SC2086 # words
	ok as alice au net restrict $presets
	: >/run/internet/web.log
	untouched asks_host
	grep -q " $host/" /run/internet/web.log || fail "it asked nothing of $host: $(tail -n 1 "$e2e/err" | cut -c 1-100)"
	untouched as alice au run curl -sS --max-time 5 https://attacker.test/
	[ "$e2e_status" != 0 ] || fail "it is not restricted"
	ok as alice au net off
}

# publish has registry.npmjs.org name the version that npm's own registry has now.
publish() {
	public=/run/internet/files/registry.npmjs.org/$package
	mkdir -p "$public"
	curl -sS "http://127.0.0.1:4873/$package/latest" >"$public/latest"
	curl -sS "http://127.0.0.1:4873/$package" >"$public/index.html"
}

try_update() {
	offer_next "$package"
	publish
	before=$(installed)
	how=$update
	[ -n "$how" ] && [ -z "$releases" ] || how="npm install --global --no-audit --no-fund $package@latest"
	# shellcheck disable=SC2086 # words
	ok at_terminal alice timeout 300 au run -d /home/agent $trusting -e DISABLE_AUTOUPDATER= $how
	[ "$(installed)" != "$before" ] || fail "it is at $before as before: $(tail -n 1 "$e2e/out" | cut -c 1-100)"
	ok as alice au run "$command" --version
	[ "$how" = "$update" ] || echo "by npm" >"$e2e/none"
}

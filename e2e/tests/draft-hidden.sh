#!/bin/sh
# An agent does not see what a draft, or a share that it can only read, hides, and keep takes nothing of that for a deletion.
# machines: trixie
# machines by hand: bookworm true true-bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
nothing() { [ ! -s "$e2e/out" ] || fail "it should have printed nothing to standard output"; }
in_p() { as alice sh -c 'cd p && "$@"' sh "$@"; }
ok as alice sh -c 'mkdir -p p/api/deep p/keys; cd p; git init -q; echo S1 >.env; echo S2 >api/.env; echo S3 >keys/x.pem; echo S4 >id_rsa; echo S5 >.env.local
	echo e >.env.example; echo t >tracked.pem; echo o >api/open; echo k >a.key; git add tracked.pem; git -c user.name=A -c user.email=a@example.org commit -qm first'

promise="a draft hides .env files and keys that git does not track, at both paths, and says so"
seen='find . -path ./.git -prune -o -type f -print | sort'
ok in_p au run --draft . sh -c "$seen"
says_exactly './.env.example
./a.key
./api/open
./tracked.pem'
complains 'au: hidden from the agent in /home/alice/p: .env, .env.local, api/.env and 2 more'
ok in_p au run --draft . sh -c "cd ~/p && $seen"
says_not id_rsa
complains_not 'hidden from'
ok in_p au run --draft . sh -c '! cat .env api/.env keys/x.pem id_rsa 2>/dev/null; ! ln id_rsa other 2>/dev/null; ! mv id_rsa other 2>/dev/null; ls -A keys; find / -xdev -name x.pem 2>/dev/null; grep -rl S3 / 2>/dev/null --include=x.pem; mv keys moved; ls -A moved; mv moved keys'
nothing

promise="what git tracks is not hidden, what is asked for is, and a name without a pattern whether it is there or not"
ok in_p au run --draft . --hide 'tracked.*' --hide later --hide api/deep --as asked sh -c "$seen; ls api"
says_exactly './.env.example
./a.key
./api/open
open'
ok in_p sh -c 'echo late >later; echo S9 >.env'
ok in_p au run --draft . --as asked sh -c '! cat later .env 2>/dev/null; ls -A'
says_not later
says_not id_rsa
fails 125 in_p au run --draft . --as asked --show-secrets true
complains 'draft "asked" of /home/alice/p has hidden .env files and keys since it began'
ok in_p au draft drop -y asked
ok in_p rm later

promise="the default is switched off by one option, for a draft that begins so"
ok in_p au run --draft . --as open --show-secrets cat .env id_rsa
says_exactly 'S9
S4'
ok in_p au draft try open -- cat .env
says_exactly S9
ok in_p au draft drop -y open

promise="a key that appears is seen until the draft looks again, and diff names it"
ok in_p au run --draft . true
ok in_p sh -c 'echo S6 >api/id_new'
ok in_p au draft diff
says 'api/id_new: it is to be hidden, and appeared since the draft looked: au draft refresh'
ok in_p au draft diff --json
says '"not_hidden": ['
says 'api/id_new'
ok in_p au draft diff --stat
says_not api/id_new
ok in_p au draft refresh
says_exactly 'Hidden from the next run on: api/id_new'
ok in_p au run --draft . sh -c '! cat api/id_new 2>/dev/null'
ok in_p au draft drop -y

promise="a folder that the agent removes stays with what is hidden in it, one that it renames takes it along, and undo brings all back"
ok in_p sh -c 'find . -path ./.git -prune -o -printf "%p %y %m %s %l\n" | sort >../before'
ok in_p au run --draft . sh -c 'rm -rf api && rmdir keys && mkdir new'
ok in_p au draft keep -y
ok in_p sh -c 'cat api/.env keys/x.pem .env; test ! -e api/open; test -d new'
says_exactly 'S2
S3
S9'
ok in_p au draft undo -y
ok in_p sh -c 'find . -path ./.git -prune -o -printf "%p %y %m %s %l\n" | sort | diff ../before -'
ok in_p au draft drop -y
ok in_p au run --draft . mv api renamed
ok in_p au draft diff --name-status
says_exactly 'R	api/	renamed/'
ok in_p au draft keep -y
ok in_p sh -c 'cat renamed/.env renamed/open; test ! -e api'
says_exactly 'S2
o'
ok in_p au draft undo -y
ok in_p au draft drop -y

promise="an .env of the agent's is a conflict where the human has one, and a new file where they have none"
ok in_p au run --draft . sh -c 'echo mine >.env; echo x >x; cat .env'
says_exactly mine
fails 1 in_p au draft keep -y
complains 'au: conflict: .env: '
ok in_p sh -c 'cat .env; test ! -e x'
says_exactly S9
ok in_p au draft keep -y --ours
ok in_p cat .env x
says_exactly 'S9
x'
ok in_p au draft keep -y --theirs
ok in_p cat .env
says_exactly mine
ok in_p au draft undo -y
ok in_p cat .env
says_exactly S9
ok in_p au draft drop -y
ok in_p rm x .env
ok in_p au run --draft . sh -c 'echo mine >.env'
ok in_p au draft keep -y
ok in_p cat .env
says_exactly mine

promise="a share that the agent can only read hides what is asked, as each run begins"
ok as alice au mount add --hide '*.key' --hide api/deep --hide none p
says 'Hidden from the agent: *.key, api/deep'
ok as alice au mount list
says '/home/alice/p -> /home/agent/p [ro, hides *.key api/deep none]'
ok as alice au info
says '[ro, hides *.key api/deep none]'
ok as alice au list --nix
says 'hide = [ "*.key" "api/deep" "none" ];'
ok in_p au run sh -c 'ls api; ls; cd ~/p; ls *.key 2>/dev/null; cat id_rsa; ! touch none 2>/dev/null'
says_not a.key
says_not deep
says S4
ok in_p sh -c 'echo b >b.key; echo none >none'
ok in_p au run sh -c '! cat b.key none 2>/dev/null'
nothing
[ -z "$(find /home/alice/.local/state/au/drafts -name '.hide-*')" ] || fail "what hid something in a run should be gone after it"
as alice sh -c 'cd p && exec au run sleep 1000' >/dev/null 2>&1 &
soon pgrep -u agent -x sleep
ok in_p au run ls
says_not .key
pkill -KILL -u alice -f su_as_agent
pkill -KILL -u agent -x sleep
soon sh -c '! pgrep -u agent -x sleep'
[ -n "$(find /home/alice/.local/state/au/drafts -name '.hide-*')" ] || fail "this run should have been killed before it took away what hid something"
find /home/alice/.local/state/au/drafts -name '.hide-*' -exec touch -d '1 hour ago' {} +
ok in_p au run --ro . --hide id_rsa sh -c '! cat id_rsa a.key 2>/dev/null'
nothing
ok in_p au run --draft . sh -c '! cat id_rsa a.key 2>/dev/null'
nothing
ok in_p au draft drop -y

promise="where nothing can be hidden, nothing is promised"
fails 1 as alice au mount add --rw p
complains 'nothing can be hidden in a folder that the agent itself writes'
ok as alice au mount remove p
fails 1 as alice au mount add --rw --hide x p
complains 'nothing can be hidden in a folder that the agent itself writes, or has by ACLs: want a draft, or a read-only share without them'
fails 1 as alice au mount add --acl --hide x p
complains 'nothing can be hidden in a folder'
fails 1 as alice au mount add --hide ../x p
complains 'hide "../x": want a name such as secrets.yml'
fails 1 as alice au mount add --show-secrets p
complains 'only a draft hides .env files and keys without being asked'
fails 125 in_p au run --rw . --hide x true
complains '--hide is for the folders of this run: want --draft FOLDER or --ro FOLDER, too'
fails 125 in_p au run --ro . --show-secrets true
complains '--show-secrets is for the drafts of this run'
ok as alice au mount list
says 'Nothing is shared with agent agent.'

promise="the config hides in each draft, and shows by a key of its own"
ok as alice au mount add --draft --hide '*.key' p
ok in_p au run sh -c "$seen"
says_exactly './.env.example
./api/open
./none
./tracked.pem'
ok in_p au draft drop -y
ok as alice au mount remove p
ok as alice au mount add --draft --show-secrets p
ok as alice grep -x 'show_secrets = true' .config/agent-as-unix-user.toml
ok in_p au run cat id_rsa
says_exactly S4

#!/bin/sh
# An agent works in a draft of a folder as in the folder itself, which stays as it is until the human keeps what is in the draft.
# machines: trixie
# machines by hand: bookworm true true-bookworm
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
in_p() { as alice sh -c 'cd p && "$@"' sh "$@"; }
git_as="git -c user.name=Alice -c user.email=alice@example.org"
ok as alice sh -c "git init -q p; cd p; mkdir -p old/deep docs; echo one >file; echo deep >old/deep/file; echo text >docs/text; ln file twin; ln -s file link; $git_as add .; $git_as commit -qm first; echo private >untracked"
# All of the folder, with what nobody can set back.
look() { (cd /home/alice/p && find . -printf '%p %y %m %U %i %s %T@ %C@ %l\n' | sort; find . -type f ! -path './.git/*' -exec sha256sum {} + | sort -k2); }
sync
look >"$e2e/before"
same() {
	look >"$e2e/now"
	cmp -s "$e2e/before" "$e2e/now" || fail "the folder should be as it was: $(diff "$e2e/before" "$e2e/now")"
}
# The same, but for what a change and its undo leave: times of inodes, and of folders.
text() { (cd /home/alice/p && find . -printf '%p %y %m %U %s %l\n' | sort; find . -type f -exec sha256sum {} + | sort -k2); }
text >"$e2e/text"

ok in_p au run --draft . sh -c 'echo two >>file; echo new >new; rm -rf docs; mv old moved; chmod 755 file; cat file moved/deep/file; ls; id -un; stat -c %U new'
says_exactly 'one
two
deep
file
link
moved
new
twin
untracked
agent
agent'
complains 'au: what the agent did to /home/alice/p is in draft agent: au draft diff shows it, au draft keep takes it over'
same

promise="the draft lasts over runs, and is what the human's commands show"
ok in_p au run --draft . cat new
says_exactly new
ok in_p au draft diff --name-status
says 'M	file'
says 'A	new'
says 'D	docs/text'
says 'R	old/	moved/'
ok in_p au draft diff
says '+two'
ok in_p au draft list
says '/home/alice/p: agent, of agent agent'
ok as alice au draft list --json
says '"folder": "/home/alice/p"'
fails 1 as alice au draft diff
complains 'there is no draft of /home/alice'
same

promise="what is kept is in the folder, as the human's, and a rename is one"
ok in_p au draft keep -y
says 'To take it back: au draft undo agent'
ok in_p sh -c 'cat file new moved/deep/file; ls; stat -c "%U %a" new file; test ! -e old; test ! -e docs'
says_exactly 'one
two
new
deep
file
link
moved
new
twin
untracked
alice 644
alice 755'
ok in_p git fsck --no-progress
fails 1 in_p au draft diff
complains 'there is no draft'

promise="undo takes the last keep back, untracked files included, and the draft is there again"
ok in_p au draft undo -y
text >"$e2e/now"
cmp -s "$e2e/text" "$e2e/now" || fail "undo should bring back: $(diff "$e2e/text" "$e2e/now")"
ok in_p au draft diff --name-status
says 'A	new'

promise="drop throws the draft away, and touches nothing"
sync
look >"$e2e/before"
ok in_p au draft drop -y
same
fails 1 in_p au draft diff
[ -z "$(find /home/alice/.local/state/au/drafts -mindepth 2 -name new)" ] || fail "what was dropped should be gone"

promise="an rm -rf of the agent costs nothing"
ok in_p au run --draft . sh -c 'rm -rf -- * .[!.]*; ls -A'
[ ! -s "$e2e/out" ] || fail "nothing should be left in the draft"
same
ok in_p au draft drop -y
same

promise="git mv, git commit and a rename of folders in a draft, kept, are as the agent left them"
ok in_p au run --draft . sh -c 'git config user.name Agent; git config user.email agent@example.org; git mv old older; mv docs older/docs; echo x >>older/deep/file; git add -A; git commit -qm second; git status --porcelain; git log --format=%an -1'
says_exactly Agent
same
ok in_p au draft keep -y
ok in_p git log --format='%an %s' -1
says_exactly 'Agent second'
ok in_p sh -c 'git status --porcelain; cat older/deep/file older/docs/text; git fsck --no-progress'
says_exactly 'deep
x
text'
ok in_p au draft undo -y
ok in_p au draft drop -y

promise="diff goes through the human's pager on a terminal, with git's colours, and nowhere else"
paged() { at_terminal alice sh -c 'cd p && "$@"' sh "$@"; }
ok in_p au run --draft . sh -c 'echo two >>file; echo new >new'
ok paged env PAGER='sed s/^/paged:/' au draft diff
says 'paged:diff --git a/file b/file'
says "$(printf 'paged:\033[32m+two')"
ok paged env PAGER=cat au draft diff
says "$(printf '\033[32m+two')"
says_not paged:
ok paged env -u PAGER TERM=xterm au draft diff
says '+two'
ok paged env PAGER='head -n 1' au draft diff
says 'diff --git'
says_not '+two'
ok paged env PAGER='sed s/^/paged:/' au draft diff --json
says_not paged:
ok in_p env PAGER='sed s/^/paged:/' au draft diff
says_not paged:
says_not "$(printf '\033')"

promise="nothing about a draft asks for a password: sudo is there, and refuses"
mv /usr/bin/sudo /usr/bin/sudo.aside
printf '#!/bin/sh\necho "sudo $*" >>/tmp/asked\nexit 1\n' >/usr/bin/sudo
chmod 755 /usr/bin/sudo
ok in_p au run --draft . mv old moved
ok in_p au draft diff
says 'rename from old'
ok in_p au draft list
ok in_p au draft refresh
ok in_p au draft keep -y
ok in_p sh -c 'cat moved/deep/file new'
ok in_p au draft undo -y
ok in_p au draft drop -y new
ok in_p au draft drop -y
[ ! -e /tmp/asked ] || fail "sudo was asked: $(cat /tmp/asked)"
mv /usr/bin/sudo.aside /usr/bin/sudo

promise="some paths are kept, and the rest stays in the draft"
ok in_p au run --draft . sh -c 'echo two >>file; echo new >new'
ok in_p au draft keep -y new
ok in_p cat new
ok in_p cat file
says_exactly one
ok in_p au draft diff --name-status
says_exactly 'M	file'
ok in_p au draft drop -y
ok in_p rm new

promise="what the human changed since is a conflict, and nothing is changed"
ok in_p au run --draft . sh -c 'echo two >>file; echo new >new'
ok in_p sh -c 'echo mine >>file'
fails 1 in_p au draft keep -y
complains 'au: conflict: file: '
complains '1 conflict; nothing was changed'
ok in_p sh -c 'test ! -e new; cat file'
says_exactly 'one
mine'
ok in_p au draft keep -y --ours
ok in_p cat new file
says_exactly 'new
one
mine'
ok in_p au draft drop -y
ok in_p sh -c 'rm new; echo one >file'

promise="three drafts of one folder do not see each other"
for name in a b c; do
	ok in_p au run --draft . --as $name sh -c "echo $name >made; ls"
	says made
done
ok in_p au run --draft . --as b cat made
says_exactly b
ok in_p au draft try b -- cat made
says_exactly b
fails 42 in_p au draft try b -- sh -c 'exit 42'
fails 1 in_p au draft try -- true
complains 'more than one draft could be meant'
fails 1 in_p au draft diff
complains 'more than one draft could be meant: want its name'
complains 'a of agent agent'
ok in_p touch c
fails 1 in_p au draft diff c
complains 'is a draft and a path'
ok in_p au draft diff c --name-status -- made
says_exactly 'A	made'
ok in_p rm c
ok in_p au draft keep -y b
ok in_p cat made
says_exactly b
for name in a c; do ok in_p au draft drop -y $name; done
ok in_p rm made

promise="a second run on a draft is refused, and one with another name goes on beside it, until the first has ended, whoever is killed"
as alice sh -c 'cd p && exec au run --draft . sleep 1000' >/dev/null 2>&1 &
soon pgrep -u agent sleep
fails 125 in_p au run --draft . true
complains 'draft "agent" of /home/alice/p is in use'
complains 'au: hint: au run --agent agent --draft /home/alice/p --as NAME …'
ok in_p au run --draft . --as other true
fails 1 in_p au draft drop -y agent
complains 'is in use'
complains 'au: hint: au stop --agent agent'
pkill -KILL -u alice -f 'au run' # the starter, where it waits at all
fails 125 in_p au run --draft . true
pkill -KILL -u agent sleep
soon in_p au run --draft . true

promise="a writable share in the folder is named, and read-only in the run unless it has a draft, too"
ok as alice mkdir p/sub
ok as alice au mount add --rw p/sub
fails 1 in_p au run --draft . touch sub/x
complains 'au: /home/alice/p/sub is read-only in this run: it is in /home/alice/p, of which the run has a draft, and no part of that'
complains 'au: hint: au run --agent agent --draft /home/alice/p --draft /home/alice/p/sub …'
ok in_p au run --draft . --draft sub sh -c 'echo x >sub/x; echo y >y'
[ ! -e /home/alice/p/sub/x ] || fail "what was written in a draft should not be in the folder"
ok as alice sh -c 'cd p/sub && au draft diff --name-status'
says_exactly 'A	x'
ok as alice sh -c 'cd p/sub && au draft drop -y'
ok in_p au draft drop -y agent
ok as alice au mount remove p/sub
ok as alice rmdir p/sub

promise="a draft in the config has every run, and is shown"
ok as alice au mount add --draft p
says 'agent agent sees /home/alice/p as a draft at that path and at /home/agent/p'
ok as alice au mount list
says '/home/alice/p -> /home/agent/p [draft]'
ok as alice au info
says '[draft]'
ok in_p au run sh -c 'echo kept >kept; pwd'
says_exactly /home/alice/p
ok as alice au mount remove p
says 'Not kept yet: draft agent of /home/alice/p'
says 'Draft agent of /home/alice/p is left in /home/alice/.local/state/au/drafts/agent-'
ok as alice au mount add --draft p
[ ! -e /home/alice/p/kept ] || fail "what was written in a draft should not be in the folder"
ok in_p au draft diff --name-status
says_exactly 'A	kept'
ok in_p au draft drop -y agent

promise="a worktree whose git directory is shared has a draft of that, too, and the commit is in the real one once both are kept"
ok as alice sh -c "cd p && git worktree add -q ../wt"
fails 125 as alice sh -c 'cd wt && au run true'
ok as alice sh -c 'cd wt && au run --draft . git status --porcelain'
ok as alice au mount remove p
ok as alice sh -c 'cd wt && au run --draft . true'
complains 'its git directory /home/alice/p/.git is not shared as a draft'
ok as alice au mount add --rw p
before=$(as alice git -C p log --oneline --all)
ok as alice sh -c 'cd wt && au run --draft . sh -c "echo w >w; git add w; git -c user.name=Agent -c user.email=agent@example.org commit -qm third; git log --format=%s -1"'
says_exactly third
complains 'which holds the git directory of the draft of /home/alice/wt, is a draft in this run, too: keep both'
[ "$(as alice git -C p log --oneline --all)" = "$before" ] || fail "the commit should not be in the repository yet"
ok as alice sh -c 'cd wt && au draft keep -y && cd ../p && au draft keep -y agent && cd ../wt && git log --format=%s -1 && git status --porcelain'
says third
says_not 'M'
promise="git's HEAD that moves under a run is named at its end, in a linked worktree, too"
for folder in p wt; do
	as alice sh -c "cd $folder && exec au run --draft . --as moving sh -c 'echo x >x; sleep 8'" >"$e2e/moving" 2>&1 &
	moving=$!
	soon pgrep -u agent -x sleep
	ok as alice sh -c "cd $folder && $git_as commit -q --allow-empty -m fourth"
	wait $moving || true
	grep -q "HEAD of /home/alice/$folder has moved since the run began" "$e2e/moving" || fail "it should be said: $(cat "$e2e/moving")"
done

promise="what has no draft is refused, with the file system's name, and nothing is copied"
fails 125 as alice au run --draft . true
complains 'that is your whole home'
fails 125 as alice au run --draft .local/state true
complains 'your drafts lie in /home/alice/.local/state/au/drafts'
fails 125 as alice au run --draft p/file true
complains 'a draft is for a folder'
fails 125 as alice au run --draft p --as 'No Name' true
complains 'want a name of a-z'
mkdir /home/alice/over /run/lower /run/upper /run/work
if mount -t overlay -o lowerdir=/run/lower,upperdir=/run/upper,workdir=/run/work none /home/alice/over; then
	chown alice: /home/alice/over
	fails 125 as alice au run --draft over true
	complains 'draft of "/home/alice/over": its file system, overlay, cannot be shown under another owner: to let the agent work on a copy'
fi

promise="a draft outlives its agent, and is kept by the next one of that name"
ok as alice sh -c 'mkdir -p last; echo 1 >last/file'
ok as alice sh -c 'cd last && au run --draft . sh -c "echo 2 >>file; mkdir new"'
ok as alice au delete -y -H
says 'Not kept yet: draft agent of /home/alice/last'
says 'To keep a draft you need an agent called agent'
complains 'au: hint: au new --agent agent'
fails 1 as alice sh -c 'cd last && au draft keep -y'
ok as alice au new -y
ok as alice sh -c 'cd last && au draft keep -y && cat file && test -d new && stat -c %U new'
says 'alice'

promise="a run as root deletes the agent, and names the drafts that remain; XDG_STATE_HOME moves none of them"
ok as alice sh -c 'cd last && XDG_STATE_HOME=/home/alice/elsewhere au run --draft . --as kept sh -c "echo 3 >third"'
[ ! -e /home/alice/elsewhere ] || fail "a draft lies where the environment says"
ok as alice au list
says '    draft kept of /home/alice/last, since '
ok as alice au info
says '    - draft kept of /home/alice/last, since '
ok au --human alice list
says '    draft kept of /home/alice/last, since '
ok au --human alice delete -y -H
says 'Not kept yet: draft kept of /home/alice/last, since '
says 'Draft kept of /home/alice/last is left in /home/alice/.local/state/au/drafts/kept-'
complains 'au: hint: au new --agent agent'
ok as alice au new -y
ok as alice sh -c 'cd last && XDG_STATE_HOME=/nowhere au draft diff --name-status'
says_exactly 'A	third'
ok as alice sh -c 'cd last && au draft drop -y'

promise="what is mounted in a folder is named, and an empty folder in its draft"
ok as alice mkdir last/mnt
mount -t tmpfs -o mode=755,uid="$(id -u alice)" tmpfs /home/alice/last/mnt
ok as alice touch last/mnt/in
ok as alice sh -c 'cd last && au run --draft . ls -A mnt'
[ ! -s "$e2e/out" ] || fail "what is mounted in the folder is in the draft"
complains 'au: /home/alice/last/mnt is mounted in /home/alice/last, and an empty folder for the agent in this run'
umount /home/alice/last/mnt

promise="docs/drafts.md shows what au prints"
ok as alice sh -c 'rm -rf last/mnt; mkdir -p example/old; cd example; echo one >notes; echo x >old/x; echo KEY=1 >.env'
e2e_last=
python3 /opt/e2e/transcript.py /opt/e2e/docs/drafts.md alice || fail "the page should show what the machine shows: see the diff above"

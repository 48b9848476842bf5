#!/bin/sh
# The human works on beside a draft: their changes are seen, named and never overwritten, each command asks once, and nobody needs root to look at the files or to use a tool.
# machines: trixie
# machines by hand: bookworm true true-bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
in_p() { as alice sh -c 'cd p && "$@"' sh "$@"; }
git_as="git -c user.name=Alice -c user.email=alice@example.org"
# answers WORD COMMAND… types a word at the terminal that COMMAND has.
answers() {
	word=$1
	shift
	echo "$word" | at_terminal alice sh -c 'cd p && "$@"' sh "$@"
}
# sees TEXT WORDS has the shell of the run that goes on do something, and print just that.
sees() {
	: >"$e2e/heard"
	echo "$2; echo did" >&5
	soon grep -qx did "$e2e/heard"
	[ "$(grep -vx did "$e2e/heard")" = "$1" ] || fail "$2 should print \"$1\" in the run, not \"$(cat "$e2e/heard")\""
}

promise="the agent sees an edit in place and a name that is new to it at once, and what it has looked up as it was until the next run"
ok as alice sh -c 'mkdir p; cd p; for name in edited replaced untouched twin; do echo old >$name; done; ln twin other'
ok in_p python3 -c 'for name, step in (("small", 1 << 18), ("large", 1 << 23)):
    f = open(name, "wb")
    for n in range(8): f.seek(n * step); f.write(b"x")'
mkfifo "$e2e/words"
: >"$e2e/heard"
as alice sh -c 'cd p && exec au run --draft . sh' <"$e2e/words" >>"$e2e/heard" 2>"$e2e/said" &
run=$!
exec 5>"$e2e/words"
sees 'old
old' 'cat edited replaced'
sees absent 'test -e later || echo absent'
ok in_p sh -c 'echo new >edited; echo mine >replaced.new; mv replaced.new replaced; echo new >later; echo new >fresh; chmod 600 untouched; touch untouched'
sees new 'cat edited'
sees new 'cat fresh'
sees old 'cat replaced'
sees absent 'test -e later || echo absent'

promise="a file that is open or mapped when it is first written to, and one with two names, are in the draft as docs/drafts.md says"
cat >/usr/local/share/mapped.py <<'END'
import mmap, os
f = os.open("untouched", os.O_RDONLY)
m = mmap.mmap(f, 0, prot=mmap.PROT_READ)
open("untouched", "r+b").write(b"new")
print(os.pread(f, 3, 0).decode(), m[:3].decode())
END
sees 'new old' 'python3 /usr/local/share/mapped.py'
sees old 'echo more >>twin; cat other'
sees '' 'echo more >>small; echo more >>large'
sees '' 'echo agent >>replaced'
exec 5>&-
wait $run

promise="what the human replaced before the agent wrote to it is a conflict all the same"
fails 1 in_p au draft keep -y
complains 'au: conflict: replaced: you have changed it since'
complains 'au: conflict: untouched: you have changed it since'
complains '2 conflicts; nothing was changed'
ok in_p au draft keep -y small large
ok in_p sh -c '[ $(du -k small | cut -f1) -ge 1600 ]; echo $?; [ $(du -k large | cut -f1) -le 10000 ]; echo $?'
says_exactly '0
0'
ok in_p au draft drop -y replaced
ok in_p au draft drop -y untouched
ok in_p au run --draft . cat edited replaced later fresh
says_exactly 'new
mine
new
new'
ok in_p au draft keep -y twin
ok in_p cat twin other
says_exactly 'old
more
old'
ok in_p au draft diff
silent

promise="a file that the human has removed, of which the agent saved a new one, is named"
ok in_p au run --draft . sh -c 'cat fresh >fresh.new; echo agent >>fresh.new; mv fresh.new fresh'
ok in_p rm fresh
ok in_p au draft diff
says 'fresh: it looks new, but its folder has changed since: you may have removed it'
ok in_p au draft keep -y
says 'fresh: it looks new, but its folder has changed since: you may have removed it'
ok in_p cat fresh
says_exactly 'new
agent'
ok in_p au draft undo -y
ok in_p au draft drop -y

promise="keep, drop and undo ask once, and do nothing without a yes"
ok in_p au run --draft . sh -c 'echo agent >made; mkfifo pipe'
fails 1 in_p au draft keep
complains 'there is nobody to ask'
fails 1 in_p au draft keep -y ''
complains '"" is no path: want one, such as .'
for command in 'mount add' 'mount remove' 'path add'; do
	fails 1 in_p au $command ''
	complains 'want a path, such as . for the current folder'
done
fails 125 in_p au run --rw '' true
complains 'want a path, such as . for the current folder'
fails 1 answers n au draft keep
says 'pipe (FIFO)'
says 'Keep 2 changes in /home/alice/p (6 bytes)? [y/N]: '
says 'not confirmed; nothing was changed'
[ ! -e /home/alice/p/made ] || fail "nothing should be kept"
fails 1 answers '' au draft drop
says 'Throw away draft agent of /home/alice/p, all of it? The work of the agent there is lost. [y/N]: '
ok in_p au draft diff
ok answers y au draft keep
ok in_p cat made
fails 1 answers no au draft undo
says 'Take back what was kept of draft agent of /home/alice/p? [y/N]: '
ok answers yes au draft undo
[ ! -e /home/alice/p/made ] || fail "undo should take it back"
ok answers y au draft drop
fails 1 in_p au draft diff
ok as alice au mount add --draft p
ok in_p au run touch made
ok answers n au mount remove .
says 'Throw these drafts away? [y/N]: '
says 'Draft agent of /home/alice/p is left in /home/alice/.local/state/au/drafts/agent-'
ok in_p au draft diff --name-status
says_exactly 'A	made'
ok as alice au mount add --draft p
ok answers y au mount remove .
fails 1 in_p au draft diff
complains 'there is no draft'

promise="without a name, undo takes back the last keep in the folder, and what it would bring back is given up by drop --undo"
for name in one two; do
	ok in_p au run --draft . --as $name sh -c "echo $name >new-$name; echo $name >>edited"
done
fails 1 in_p au draft keep -y
complains 'more than one draft could be meant'
ok in_p au draft keep -y one
fails 1 in_p au draft keep -y two
complains 'conflict: edited: '
ok in_p au draft keep -y two new-two
ok in_p ls new-one new-two
ok in_p au draft undo -y
[ -e /home/alice/p/new-one ] && [ ! -e /home/alice/p/new-two ] || fail "the last keep alone should be taken back"
ok in_p au draft undo -y
[ ! -e /home/alice/p/new-one ] || fail "the keep before it should be taken back"
fails 1 in_p au draft undo -y
complains 'nothing was kept in'
ok in_p au draft keep -y one
ok in_p au run --draft . --as one sh -c 'echo again >again'
fails 1 in_p au draft undo -y one
complains 'has begun anew since it was kept: want au draft drop, and then au draft undo'
ok in_p au draft drop -y one
ok in_p au draft undo -y one
[ ! -e /home/alice/p/new-one ] || fail "the keep before the draft that was dropped should be taken back"
ok in_p au draft keep -y one
ok in_p au draft drop -y --undo one
says_exactly 'The last keep cannot be taken back any more.'
fails 1 in_p au draft undo -y
ok in_p au draft drop -y two
ok in_p rm new-one

promise="a command of the human's gets two folders, and the draft's files can be looked at without root"
ok in_p au run --draft . sh -c 'echo more >>edited; echo made >made; rm later'
ok in_p au draft diff --tool 'printf "%s\n"'
[ "$(sed 's,.*/,,' "$e2e/out" | xargs)" = 'a b' ] || fail "a tool should get two folders"
ok in_p au draft diff --tool 'sh -c "cd \"\$1\"; tail -v -n 5 edited later; cd \"\$2\"; tail -v -n 5 edited made" sh'
says_exactly '==> edited <==
new
one

==> later <==
new
==> edited <==
new
one
more

==> made <==
made'
ok in_p au draft path
complains 'A device 0/0 says that yours is gone'
upper=$(output)
ok as alice sh -c "cat $upper/made; stat -c '%F %t/%T' $upper/later; ls -l $upper"
says 'made
character special file 0/0'
ok in_p sh -c 'au draft list --json | jq -c ".[] | [keys_unsorted, .name, .folder, .agent, .files, .conflicts]"'
says_exactly '[["name","folder","agent","since","files","bytes","conflicts"],"agent","/home/alice/p","agent",3,0]'
ok in_p au draft drop -y

promise="git: an index that git only looked at anew is no conflict, and commits of both are beside each other"
ok as alice rm -rf p
ok as alice sh -c "git init -qb main p; cd p; seq 20 >f; echo g >g; $git_as add .; $git_as commit -qm one"
ok in_p au run --draft . sh -c "sed -i s/^3\$/agent/ f; $git_as commit -qam two"
ok in_p sh -c 'touch f g; chmod 600 g; git status --porcelain'
silent
ok in_p au draft keep -y
ok in_p git log --format=%s
says_exactly 'two
one'
ok in_p au draft undo -y

promise="git merges the lines of both where the human has changed the same file, or nothing is kept"
ok in_p sed -i 's/^3$/mine/' f
fails 1 in_p au draft keep -y --merge
complains 'au: conflict: f: you have changed it since, and git cannot merge it'
complains '1 conflict; nothing was changed'
complains 'au: hint: au draft keep --ours, or --theirs'
ok in_p sh -c 'git checkout -q f; sed -i s/^18$/mine/ f; chmod 640 f; cd ..; git init -q .; git config merge.conflictStyle none'
fails 1 in_p au draft keep -y
complains 'au: hint: au draft keep --merge, --ours, or --theirs'
ok in_p au draft keep -y --merge
says 'f: git tries to merge the lines of both'
ok in_p sh -c 'sed -n "3p;18p" f; stat -c %a f'
says_exactly 'agent
mine
640'
ok as alice rm -rf .git
ok in_p au draft undo -y
ok in_p sed -n '3p;18p' f
says_exactly '3
mine'

promise="commits of both are beside each other, and git merges them"
ok in_p sh -c "$git_as commit -qam three; git checkout -q --detach HEAD~1; git switch -q main"
fails 1 in_p au draft keep -y
complains 'au: conflict: f: you have changed it since'
ok in_p au draft keep -y --ours
says 'the agent'"'"'s commits are at refs/au/agent/heads/main'
ok in_p sh -c 'git log --format=%s -1; git log --format=%s -1 refs/au/agent/heads/main; git fsck --no-progress >/dev/null; git status --porcelain'
says_exactly 'three
two'
ok in_p au run --draft . sh -c "echo k >k; git add k; $git_as commit -qm four"
ok in_p sh -c "echo h >h; git add h; $git_as commit -qm five"
ok in_p au draft keep -y --ours
says 'the agent'"'"'s commits are at refs/au/agent-2/heads/main'
ok in_p sh -c 'for at in HEAD refs/au/agent/heads/main refs/au/agent-2/heads/main; do git log --format=%s -1 $at; done; git fsck --no-progress >/dev/null'
says_exactly 'five
two
four'
ok in_p sh -c "git add k; $git_as commit -qm kept"
ok in_p $git_as merge -q -m both refs/au/agent/heads/main
ok in_p sed -n '3p;18p' f
says_exactly 'agent
mine'

promise="what has an ACL for somebody else is read in a draft, and not changed"
ok in_p sh -c 'mkdir acl; echo a >acl/a; setfacl -m u:bob:rw acl/a; mkdir acl/d; setfacl -d -m u:bob:rwx acl/d'
ok in_p au run --draft . --as lists sh -c 'cat acl/a; ! echo b >>acl/a; ! echo n >acl/d/n; echo b >acl/b'
says_exactly a
complains 'Invalid argument'
ok in_p au draft diff --name-status lists
says_exactly 'A	acl/b'
ok in_p au draft drop -y lists
ok in_p setfacl -R -b acl
ok in_p au run --draft . --as lists sh -c 'echo b >>acl/a; echo n >acl/d/n'
ok in_p au draft keep -y lists
ok in_p sh -c 'cat acl/a acl/d/n; rm -r acl'
says_exactly 'a
b
n'
ok in_p au draft drop -y --undo lists

promise="au delete asks what becomes of drafts, and throws them away after a yes alone"
ok in_p au run --draft . --as last touch last
ok answers 'y
n' au delete -H
says 'Throw these drafts away? [y/N]: '
says 'Draft last of /home/alice/p is left in /home/alice/.local/state/au/drafts/last-'
ok as alice au new -y
ok in_p au draft diff --name-status last
says_exactly 'A	last'
ok answers 'y
y' au delete -H
[ -z "$(find /home/alice/.local/state/au/drafts -name upper)" ] || fail "no draft should be left"

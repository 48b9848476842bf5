#!/bin/sh
# Nothing that an agent leaves in a draft leads diff or keep astray, or holds them up.
# machines: trixie
# machines by hand: bookworm
# timeout: 900
. /opt/e2e/lib.sh
ok as alice au new -y
in_p() { as alice timeout $((240 * ${ROUNDS:-1})) sh -c 'cd p && "$@"' sh "$@"; }
plain() { ! grep -q "$(printf '[\001-\010\013-\037]')" "$e2e/out" "$e2e/err" || fail "it printed a control character"; }
ok as alice sh -c 'mkdir -p p/dir outside; echo mine >outside/f; mkfifo outside/fifo; cd p; git init -q; echo f >file; echo g >g; echo d >dir/d; cp /bin/true set; chmod 6755 set'
# A folder that has held much stays large on the disk.
look() { (cd "$1" && find . \( -type d -printf '%p d %m %U\n' \) -o -printf '%p %y %m %U %s %l\n' | sort; cd "$1" && find . -type f -exec sha256sum {} + | sort -k2); }
look /home/alice/p >"$e2e/before"
look /home/alice/outside >"$e2e/outside"
same() {
	look /home/alice/p >"$e2e/now"
	cmp -s "$e2e/before" "$e2e/now" || fail "the folder should be as it was: $(diff "$e2e/before" "$e2e/now")"
	apart
}
apart() {
	look /home/alice/outside >"$e2e/now"
	cmp -s "$e2e/outside" "$e2e/now" || fail "what is outside should be as it was: $(diff "$e2e/outside" "$e2e/now")"
}

promise="the draft's own folders are nowhere in a run, and in no share"
ok in_p au run --draft . sh -c 'echo new >new; ls -A /home/alice; ls -d /home/alice/.local 2>/dev/null; find / -xdev -name upper 2>/dev/null; true'
says_exactly p
fails 125 in_p au run --draft . --rw /home/alice/.local/state true
complains 'your drafts lie in'
ok in_p au run --draft . sh -c '! mknod gone c 0 0 2>/dev/null; ! mknod .git/HEAD c 0 0 2>/dev/null; ! setfattr -n trusted.overlay.opaque -v y dir 2>/dev/null; ! setfattr -n trusted.overlay.whiteout -v "" g 2>/dev/null; ! setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 new 2>/dev/null; ! chmod u+s new 2>/dev/null; ! chmod 6755 set 2>/dev/null'
ok in_p au draft diff --name-status
says_exactly 'A	new'
ok in_p au draft drop -y
same

promise="what another run of the agent's has open of a draft changes nothing that the human reads, keeps or takes back"
keeper=/opt/e2e/tests/attacks/keeper.py
as alice au run -d ~agent python3 $keeper keep read >/dev/null 2>&1 &
soon test -e /home/agent/listening
ok in_p au run --draft . sh -c "echo harmless >new; python3 $keeper give . read"
for command in "draft diff" "draft keep -y" "draft drop -y"; do
	fails 1 in_p au $command
	complains "draft \"agent\" of /home/alice/p is still open: a run of it passed a file to another run of agent \"agent\""
	complains 'au: hint: au stop --agent agent'
done
fails 125 in_p au run --draft . true
complains 'is still open'
same
ok in_p au stop
ok in_p au draft diff --name-status
says_exactly 'A	new'
ok in_p au draft keep -y
ok in_p au draft undo -y
ok in_p au draft drop -y
ok as alice au run -d ~agent rm keeper listening kept
same

promise="links, FIFOs, sockets, names with control characters and attributes of overlays are named, lead nowhere, and hold nothing up"
ok in_p au run --draft . python3 -c 'import os, socket
os.unlink("file"); os.mkfifo("file")
os.unlink("dir/d"); os.rmdir("dir"); os.symlink("/home/alice/outside", "dir")
os.symlink("../outside/f", "leaves"); os.symlink("../outside/fifo", "waits"); os.symlink("/proc/self/fd/0", "self")
socket.socket(socket.AF_UNIX).bind("socket")
open("set", "ab").write(b"more")
for name in ("a\033[2J\033]0;b\007", "c\nau: hint: rm -rf p\n", "-rf", "--theirs", "d => e", "n" * 255, "\u202egnp.exe"): open(name, "w").write("x")
open(b"\xe9\xff", "w").write("\033[31mred\r\x9b")
open(".git/hooks/post-checkout", "w").write("#!/bin/sh\ntouch /home/alice/outside/ran\n"); os.chmod(".git/hooks/post-checkout", 0o755)
os.mkdir("steers")
for name in ("g", "steers"):
    for key in ("opaque", "redirect", "whiteout", "origin"): os.setxattr(name, "user.overlay." + key, b"/home/alice/outside")
os.setxattr("g", "user.kept", b"v"); os.chmod("g", 0o444)'
for form in '' --stat --name-status --json '--tool=true'; do
	# shellcheck disable=SC2086 # nothing, or a word
	ok in_p au draft diff $form
	plain
done
ok in_p au draft diff
says '.git/hooks/post-checkout'
says 'file (FIFO)'
says 'dir (to /home/alice/outside)'
says 'leaves (to ../outside/f)'
says 'g (it has attributes that a rootless overlay obeys: keep takes them off)'
ok in_p au draft list
plain
same
ok in_p au draft keep -y
plain
says 'post-checkout'
says 'file (FIFO)'
apart
ok in_p sh -c 'test -p file; test -L dir; test -S socket; getfattr -n user.kept --only-values g; ! getfattr -R -h -d -m "user[.]overlay" . | grep . ; find . -perm /6000; stat -c %a g'
says_exactly 'v444'
ok in_p au draft undo -y
same
ok in_p au draft drop -y
same

promise="what runs by itself is named, too, where the draft holds only a part of it"
ok as alice sh -c 'cp -a p parts; cd parts; mkdir tools editor; echo true >tools/post-checkout; chmod 755 tools/post-checkout; echo "{\"runOn\": \"folderOpen\"}" >editor/tasks.json; git init -q sub'
in_parts() { as alice timeout $((240 * ${ROUNDS:-1})) sh -c 'cd parts && "$@"' sh "$@"; }
named() {
	ok in_parts au run --draft . sh -ec "$2"
	ok in_parts au draft diff --stat
	says "    $1"
	ok in_parts au draft drop -y
}
named .git/hooks 'rm -r .git/hooks; ln -s ../tools .git/hooks'
named .git/hooks 'rm -r .git/hooks; mv tools .git/hooks'
named .vscode/tasks.json 'mv editor .vscode'
named .vscode 'ln -s editor .vscode'
named .envrc 'ln -s file .envrc'
named .git/commondir 'mkdir -p store/objects store/refs; printf "[core]\n\tfsmonitor = false\n" >store/config; echo ../store >.git/commondir'
named moved/.git/config 'mv sub moved; git -C moved config core.fsmonitor false'
named moved/.git/hooks/pre-commit 'mv sub moved; echo true >moved/.git/hooks/pre-commit; chmod 755 moved/.git/hooks/pre-commit'
named nested/.git/HEAD 'git init -q nested'
named set 'python3 -c "import mmap; f = open(\"set\", \"r+b\"); m = mmap.mmap(f.fileno(), 0); m[200] = 65"'
ok in_parts au run --draft . mv sub moved
ok in_parts au draft diff --stat
says_not .git
ok in_parts au draft drop -y
ok as alice rm -rf parts

promise="modes by which the agent closes files and folders to the human stop nothing"
ok in_p au run --draft . sh -c 'mkdir -p a/b/c; echo x >a/b/c/x; echo y >>dir/d; echo z >>file; chmod 0 a/b/c a/b file dir/d; chmod 0300 dir; chmod 0500 a'
for form in '' --stat --name-status --json; do
	# shellcheck disable=SC2086 # nothing, or a word
	ok in_p au draft diff $form
done
says '"path": "a/b/c/x"'
ok in_p au draft list
says '/home/alice/p: agent'
ok in_p au run --draft . stat -c '%n %a' . a dir file
says_exactly '. 755
a 500
dir 300
file 0'
same
ok in_p au draft keep -y
ok stat -c '%a %U' /home/alice/p /home/alice/p/a /home/alice/p/a/b /home/alice/p/a/b/c /home/alice/p/a/b/c/x /home/alice/p/file
says_exactly '755 alice
500 alice
0 alice
0 alice
644 alice
0 alice'
ok in_p au draft undo -y
same
ok in_p au draft drop -y
same

promise="a diff names what keep would open to others, and attributes, of which git knows nothing"
ok in_p sh -c 'echo secret >closed; chmod 600 closed'
ok in_p au run --draft . sh -c 'chmod 666 closed; setfattr -n user.a -v b g'
ok in_p au draft diff
says_exactly 'diff --git a/closed b/closed
old mode 100600
new mode 100666
diff --git a/g b/g
# its attributes differ, and are not shown'
ok in_p au draft diff --stat
says_exactly ' closed | M
 g | M
 2 changed, 0 insertions(+), 0 deletions(-)'
ok in_p au draft drop -y
ok in_p rm closed
same

promise="the human's folder becomes a link while keep runs: nothing goes where that leads, and nothing is lost"
ok in_p sh -c 'mkdir swapped; echo mine >swapped/mine'
for round in 1 2 3 4; do
	ok in_p au run --draft . sh -c 'cd swapped; for n in $(seq 400); do echo $n >$n; done; echo agent >>mine'
	as alice sh -c 'cd p && while mv -T swapped was 2>/dev/null; do ln -s ../outside swapped; sleep 0.01; rm swapped; mv -T was swapped; sleep 0.02; done' &
	swaps=$!
	for n in 1 2 3; do
		e2e_run in_p au draft keep -y
		e2e_run in_p au draft undo -y
	done
	pkill -KILL -u alice -f 'mv -T swapped was'
	wait $swaps 2>/dev/null
	soon sh -c '! pgrep -u alice -x "mv|ln|rm"' # what the loop had begun
	ok in_p sh -c '[ ! -L swapped ] || rm swapped; [ ! -d was ] || mv -T was swapped'
	apart
	e2e_run in_p au draft undo -y
	ok in_p au draft diff --name-status
	ok in_p au draft keep -y
	ok in_p sh -c 'ls swapped | wc -l; cat swapped/mine swapped/1 swapped/400'
	says_exactly '401
mine
agent
1
400'
	ok in_p au draft undo -y
	ok in_p cat swapped/mine
	says_exactly mine
	ok in_p au draft drop -y
done
ok in_p rm -r swapped
same

promise="a file of nearly 8 EB, and two of them, hold nothing up; one that the folder cannot hold is refused, and nothing has changed"
if since 6.3; then
	ok as alice mkdir -p wide
	for at in /home/alice/.local/state/au /home/alice/wide; do mount -t tmpfs -o "mode=700,uid=$(id -u alice),gid=$(id -g alice)" tmpfs $at; done
	make='import os
for name in ("huge", "huger"):
    fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o644); os.ftruncate(fd, 2**63 - 1); os.pwrite(fd, b"end", 2**63 - 20000)'
	for at in p wide; do
		in_it() { as alice timeout 240 sh -c 'cd "$0" && "$@"' $at "$@"; }
		ok in_it au run --draft . python3 -c "$make; open('small', 'w').write('x')"
		for form in '' --stat --name-status --json '--tool=true'; do
			# shellcheck disable=SC2086 # nothing, or a word
			ok in_it au draft diff $form
		done
		ok in_it au draft diff
		says '# a file of 9223372036854775807 bytes, and not shown'
		ok in_it au draft list
		says '3 changed, 9223372036854775807 bytes'
		[ $at = wide ] || continue
		ok in_it au draft keep -y
		ok in_it stat -c %s huge huger small
		says_exactly '9223372036854775807
9223372036854775807
1'
		ok in_it python3 -c 'import os; print(os.pread(os.open("huger", os.O_RDONLY), 3, 2**63 - 20000).decode())'
		says_exactly end
		ok in_it au run --draft . sh -c 'chmod 600 huge; printf x >>small; printf x | dd of=huger bs=1 seek=5 conv=notrunc 2>/dev/null'
		ok in_it au draft diff --name-status
		says 'M	huge'
		ok in_it au draft keep -y
		ok in_it au draft undo -y
		ok in_it stat -c '%s %a' huge
		says_exactly '9223372036854775807 644'
		ok in_it au draft drop -y
	done
	at=p
	fails 1 in_p au draft keep -y
	complains 'file too large'
	same
	ok in_p au draft keep -y small
	ok in_p au draft undo -y
	same
	ok in_p au draft drop -y
	umount /home/alice/.local/state/au /home/alice/wide
fi

# ROUNDS=40 is a million.
promise="twenty-five thousand files"
folders=$((250 * ${ROUNDS:-1}))
timed() {
	begun=$(date +%s)
	ok "$@"
	echo "$((folders * 100)) files: $(($(date +%s) - begun)) s for $2 $3 ${4-} ${5-}"
}
timed in_p au run --draft . python3 -c "import os
for d in range($folders):
    os.mkdir(f'd{d}')
    for n in range(100): open(f'd{d}/{n}', 'w').close()"
timed in_p au draft list
says "$((folders * 100)) changed"
timed in_p au draft diff --name-status
timed in_p au draft diff --stat
says " $((folders * 100)) changed, 0 insertions(+), 0 deletions(-)"
timed in_p au draft keep -y d7
ok in_p sh -c 'find d[0-9]* -type f | wc -l'
says_exactly 100
timed in_p au draft undo -y
timed in_p au draft drop -y d8
timed in_p au draft keep -y
ok in_p sh -c 'find d[0-9]* -type f | wc -l'
says_exactly $((folders * 100 - 100))
timed in_p au draft undo -y
same
timed in_p au draft drop -y
same

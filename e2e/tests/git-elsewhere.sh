#!/bin/sh
# Of a folder whose git directory is elsewhere (a linked worktree, a submodule), au mount add offers to share that too, and git then works on both sides.
# machines: trixie
# machines by hand: bookworm true true-bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'git config --global user.email a@example; git config --global user.name Alice; git config --global init.defaultBranch main; mkdir -m 700 work
	cd work && git init -q repo && cd repo && echo 1 >file && git add . && git commit -qm first && git worktree add -q ../wt
	cd .. && git init -q outer && cd outer && git -c protocol.file.allow=always submodule --quiet add ../repo sub && git commit -qm sub'
ok as alice au run sh -c 'git config --global user.email agent@example; git config --global user.name Agent'

promise="without a terminal the line is printed, and -y is no answer"
ok as alice au mount add -y --rw work/wt
complains '/home/alice/work/wt is a linked worktree, and its git directory /home/alice/work/repo/.git is not shared read-write: git does not work there without it'
complains 'hint: au mount add --agent agent --rw /home/alice/work/repo/.git'
ok as alice au mount list
says_not repo
fails 128 as alice sh -c 'cd work/wt && au run git status'

promise="a run that starts there says so, once, on standard error alone"
lacks='/home/alice/work/wt is a linked worktree, and its git directory /home/alice/work/repo/.git is not shared read-write'
as alice mkdir -p work/wt/deep
for run in 'cd work/wt && au run pwd' 'cd work/wt/deep && au run -- pwd' 'au run -d work/wt pwd'; do
	ok as alice sh -c "$run"
	complains "$lacks"
	complains 'hint: au mount add --agent agent --rw /home/alice/work/repo/.git'
	says /home/alice/work/wt
	[ "$(grep -c . $e2e/err)" = 2 ] || fail 'it should be two lines'
done
ok as alice au run true
silent
ok as alice au mount add --rw --dry-run work/outer/sub
complains 'is a submodule, and its git directory /home/alice/work/outer/.git/modules/sub is not shared'

promise="at a terminal it is one question"
printf 'y\n' >/opt/yes
ok runuser -l alice -c "script -qec 'au mount add --rw work/wt' /dev/null </opt/yes"
says 'Share that read-write, too? [y/N]'
says 'sees /home/alice/work/repo/.git read-write'
ok as alice sh -c 'cd work/wt && au run sh -c "git status --porcelain && echo 2 >file && git commit -qam second" && git log --format=%an -1 && git status --porcelain'
says_exactly Agent
ok as alice au run sh -c '! ls /home/alice/work/repo/file 2>/dev/null'
ok as alice au mount add --rw work/wt
complains_not 'git directory'
ok as alice au mount add --rw work/outer/sub
ok as alice au mount add --rw work/outer/.git/modules/sub
ok as alice sh -c 'cd work/outer/sub && au run sh -c "git status --porcelain && echo 3 >file && git commit -qam third" && git log --format=%an -1'
says_exactly Agent

ok as alice sh -c 'cd work/wt && au run git log -1'
complains_not 'git directory'

promise="the report of what runs by itself covers a git directory that is shared"
for folder in repo/.git outer/.git/modules/sub; do
	ok as alice sh -c "cd work/$folder && au run sh -c 'echo true >hooks/pre-commit; chmod +x hooks/pre-commit; git config core.pager ./x'"
	complains "in /home/alice/work/$folder:"
	complains "hooks/pre-commit (git hook)"
	complains core.pager
	fails 1 as alice au mount check work/$folder
	says hooks/pre-commit
	as alice rm work/$folder/hooks/pre-commit
	as alice git -C work/$folder config --unset core.pager
done

promise="it is the common git directory where the folders are outside the home, and a submodule's in a linked worktree"
install -d -m 700 /home/.data
install -d /home/.data/in /data
mount --bind /home/.data/in /data
install -d -o alice -g alice -m 700 /data/alice
as alice sh -c 'cd /data/alice && git clone -q /home/alice/work/repo repo && cd repo && git worktree add -q ../wt
	cd /home/alice/work/outer && git worktree add -q ../outer-wt && cd ../outer-wt && git -c protocol.file.allow=always submodule --quiet update --init'
ok as alice au mount add --rw /data/alice/wt
complains 'is a linked worktree, and its git directory /data/alice/repo/.git is not shared'
ok as alice au mount add --rw /data/alice/repo/.git
ok as alice sh -c 'cd /data/alice/wt && au run sh -c "git status --porcelain && git commit -q --allow-empty -m more" && git log --format=%an -1'
says_exactly Agent
complains_not 'git directory'
ok as alice au mount add --rw work/outer-wt/sub
complains 'is a submodule, and its git directory /home/alice/work/outer/.git/worktrees/outer-wt/modules/sub is not shared'

promise="what an agent could have written is not believed"
ok as alice au run sh -c 'cd /home/alice/work/wt && mkdir trap && echo "gitdir: /home/alice/private/.git" >trap/.git'
as alice sh -c 'git init -q private && au mount remove work/wt >/dev/null'
ok as alice au mount add --rw work/wt/trap
complains_not 'git directory'
for names in /home/alice/private/.git /home/alice/nosuch /home/alice/work/repo/.git/worktrees/wt; do
	echo "gitdir: $names" >/home/alice/work/wt/trap/.git
	ok as alice sh -c 'cd work/wt/trap && au run true'
	silent
done

promise="worktrees that are not shared stay known to git, whoever prunes"
as alice sh -c 'au mount remove work/wt/trap >/dev/null; au mount remove work/repo/.git >/dev/null; cd work/repo && git worktree add -q ../other && git worktree add -q ~/elsewhere'
ok as alice au mount add --rw work/repo
known() {
	ok as alice sh -c 'cd work/repo && git worktree list | grep -c .'
	says_exactly 4
}
known
ok as alice sh -c 'cd work/repo && au run sh -c "git worktree prune -v && git -c gc.worktreePruneExpire=now gc -q --prune=now && git worktree list"'
says /home/alice/work/wt
says /home/alice/elsewhere
known
ok as alice sh -c 'cd work/other && git status --porcelain'
ok as alice sh -c 'cd work/repo && git worktree prune && au run ls -A /home/alice /home/alice/work/wt'
says_exactly '/home/alice:
elsewhere
work

/home/alice/work/wt:
.git'
fails 128 as alice sh -c 'cd work/repo && au run git worktree remove ../wt'
known

promise="and what an agent writes there stops no run, and shows nothing"
ok as alice sh -c 'cd work/repo && au run sh -c "cd .git/worktrees && for i in \$(seq 300); do mkdir a\$i && echo /home/alice/a\$i/.git >a\$i/gitdir; done
	mkdir b c d e f && mkfifo b/gitdir && ln -s /etc/passwd c/gitdir && ln -s /etc g && echo relative/.git >d/gitdir && head -c 100000 /dev/zero >e/gitdir && echo /home/alice/.ssh/.git >f/gitdir"'
as alice mkdir -p .ssh
ok as alice timeout 120 au run sh -c 'ls /home/alice | grep -c a; ls -A /home/alice/.ssh 2>/dev/null; true'
says_not authorized
[ "$(head -n 1 $e2e/out)" -le 64 ] || fail "there should be few: $(output)"

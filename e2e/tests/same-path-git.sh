#!/bin/sh
# An absolute path that git wrote down, on either side, works on the other where the share is at the human's own path, and only there.
# machines: bookworm
# machines by hand: trixie
. /opt/e2e/lib.sh
. /opt/e2e/tests/same-path/words.sh
repo='git init -q repo; cd repo; echo 1 >file; git add file; git commit -qm first'
by_agent='agent git init -q repo; cd repo; echo 1 >file; agent git add file; agent git commit -qm first'

seen 'the top of a repository has one name' 'git init -q .; mkdir deep' \
	'cd deep; test "$(agent git rev-parse --show-toplevel)" = "$(git rev-parse --show-toplevel)"'
seen 'and its git directory' 'git init -q .' 'test "$(agent git rev-parse --absolute-git-dir)" = "$(git rev-parse --absolute-git-dir)"'

seen "the human's linked worktree is the agent's to work in" "$repo; git worktree add -q ../wt" \
	'cd wt; agent git status --porcelain; echo 2 >file; agent git commit -qam second; test "$(git log --format=%an -1)" = Agent'
seen "the agent's linked worktree is the human's to work in" "$repo; agent git worktree add -q ../wt" \
	'cd wt; git status --porcelain; echo 2 >file; git commit -qam second; test "$(agent git log --format=%an -1)" = Alice'
seen 'a linked worktree in a folder of the repository, as agent programs make them' "$repo; agent git worktree add -q .trees/a -b a" 'cd repo/.trees/a; git status --porcelain'
seen "git worktree prune by the agent keeps the human's worktree, with what is staged in it" "$repo; git worktree add -q ../wt; echo new >../wt/new; git -C ../wt add new; agent git worktree prune" \
	'test "$(git -C wt status --porcelain)" = "A  new"'
seen "git worktree prune by the human keeps the agent's worktree" "$repo; agent git worktree add -q ../wt; git worktree prune" 'cd repo; agent git -C ../wt status --porcelain; test -e .git/worktrees/wt/HEAD'
seen "git gc by the agent keeps the human's worktree" "$repo; git worktree add -q ../wt; agent git -c gc.worktreePruneExpire=now gc -q --prune=now" 'git -C wt status --porcelain'
seen "git gc by the human keeps the agent's worktree" "$repo; agent git worktree add -q ../wt; git -c gc.worktreePruneExpire=now gc -q --prune=now" 'cd repo; agent git -C ../wt status --porcelain; test -e .git/worktrees/wt/HEAD'
seen "a worktree of the human's is removed by the agent" "$repo; git worktree add -q ../wt" 'cd repo; agent git worktree remove ../wt; test ! -e ../wt'
seen 'a worktree that the one moves is found by the other' "$repo; git worktree add -q ../wt" 'cd repo; agent git worktree move ../wt ../moved; git -C ../moved status --porcelain'

seen 'a submodule by path is had by the agent' "$repo; cd ..; git init -q top; cd top; git submodule --quiet add \$PWD/../repo sub; git commit -qm sub; cd ..; git clone -q top clone" \
	'cd clone; agent git submodule --quiet update --init; agent git -C sub status --porcelain; git -C sub fetch -q'
seen "the agent pushes to the human's bare repository by path" "$repo; git init -q --bare ../bare.git; git remote add origin \$(realpath ../bare.git)" 'cd repo; agent git push -q origin main; git -C ../bare.git rev-parse -q --verify main'
seen "the human pushes to the agent's bare repository by path" "$by_agent; agent git init -q --bare ../bare.git; agent sh -c 'git remote add origin \$(realpath ../bare.git)'" 'cd repo; git push -q origin main; agent git -C ../bare.git rev-parse -q --verify main'
seen 'a remote that is a file: URL' "$repo; cd ..; git clone -q file://\$PWD/repo clone" 'cd clone; agent git fetch -q; agent git ls-remote -q'
seen 'a clone that borrows objects' "$repo; cd ..; git clone -qs repo clone" 'cd clone; agent git fsck --no-progress; agent git log -1'
seen 'hooks in a folder by its path' "$repo; mkdir hooks; printf '#!/bin/sh\ntouch hooked\n' >hooks/pre-commit; chmod +x hooks/pre-commit; git config core.hooksPath \$PWD/hooks" \
	'cd repo; agent git commit -q --allow-empty -m second; test -e hooked'
seen 'settings that include a file by its path' "$repo; git config -f more.conf agent.word here; git config include.path \$PWD/more.conf" 'cd repo; test "$(agent git config agent.word)" = here'

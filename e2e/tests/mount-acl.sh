#!/bin/sh
# --acl shares what cannot be shown under another owner: as the human, and undone completely.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
config=/home/alice/.config/agent-as-unix-user.toml
as alice mkdir -p box/lower box/upper box/work box/merged
mount -t overlay overlay -o lowerdir=/home/alice/box/lower,upperdir=/home/alice/box/upper,workdir=/home/alice/box/work /home/alice/box/merged
chown alice: /home/alice/box/merged
m=/home/alice/box/merged
# Files without an ACL, with one whose mask keeps something back, and a folder with a default.
as alice sh -c "cd $m && umask 022 && mkdir -p dir/deep closed sgid && echo x > plain && echo x > dir/secret && chmod 600 dir/secret && chmod 700 closed && echo x > closed/x &&
	printf '#!/bin/sh\n' > script && chmod 755 script && ln -s /etc/passwd link && echo x > masked && setfacl -m u:bob:rw,g:users:rw,m::r masked &&
	setfacl -m d:u:bob:rx,u:bob:rx dir && setfacl -m u:bob:rw dir/secret && chmod g-w dir/secret && echo x > 'odd name' && setfacl -m u:bob:r 'odd name'"
install -o bob -m 644 /dev/null $m/bobs
facl() { (cd $m && find . -print0 | sort -z | xargs -0 getfacl -n -P 2>/dev/null; find . -printf '%p %m %u %g\n' | sort); }
facl > /run/before

fails 1 as alice au mount add $m
complains 'overlay, cannot be shown under another owner'
ok as alice au mount add --acl $m box
says 'files grant --agent-uid'
says "# much as: setfacl --recursive --physical --modify u:$(id -u agent):rX"
says 'dubious ownership'
says_not sudo
ok as alice au mount list
says_exactly "$m -> /home/agent/box [ro, acl]"
ok as alice au run sh -c 'cat box/dir/secret box/closed/x && box/script'
says 'x
x'
fails 2 as alice au run sh -c 'echo x > box/plain'
ok getfacl -n $m/masked
says 'user:1001:r--'
ok as alice au mount remove $m
facl > /run/after
ok diff /run/before /run/after
fails 1 test -e "${config%.toml}.acl"

promise="writable: each side works with what the other makes, and remove leaves everything the human's and as it was"
ok as alice au mount add --acl --rw $m box
fails 1 as alice au mount add --rw $m box
complains 'shared already'
ok as alice au run sh -c 'cd box && echo agent >> plain && echo new > new && mkdir made && echo x > made/x && mkdir -m 700 shut && echo x > shut/x && rm script && ln -s nowhere dangling'
ok as alice sh -c "cd $m && echo human >> new && cat made/x && echo h > made/h && echo later > dir/later && echo k > dir/key && chmod 600 dir/key"
ok as alice au run sh -c 'cat box/made/h box/dir/later && echo y >> box/dir/later'
ok stat -c %U $m/new $m/shut
says_exactly 'agent
agent'
ok as alice au mount remove $m
says 'files give-back --from'
ok find $m -user agent
silent
ok stat -c %a $m/dir/key
says_exactly 600
ok sh -c "cd $m && find . -print0 | xargs -0 getfacl -n -P 2>/dev/null | grep :$(id -u agent):; true"
silent
as alice sh -c "cd $m && rm -rf new made shut dangling dir/later dir/key && printf '#!/bin/sh\n' > script && chmod 755 script && echo x > plain"
facl > /run/after
ok diff /run/before /run/after
fails 2 as alice au run ls box/plain

promise="the agent that swaps folders for links while ACLs change leads them nowhere"
# The same names on both sides: setfacl -R and chown -h by path hit dozens of the private ones here.
as alice sh -c "mkdir -m 700 private && mkdir -p $m/race/a && cd private && seq 200 | xargs touch && chmod 600 * && cd ~ && cd $m/race/a && seq 200 | xargs touch"
getfacl -Rn /home/alice/private > /run/private
ok as alice au mount add --acl --rw $m box
cat > /run/swap.py <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None)
os.chdir(os.path.expanduser("~/box/race"))
os.path.islink("l") or os.symlink("/home/alice/private", "l")
while True:
    libc.renameat2(-100, b"a", -100, b"l", 2)
END
chmod 644 /run/swap.py
as alice sh -c 'cat > swap.py' < /run/swap.py
as alice sh -c 'au run python3 - < swap.py & echo $! > pid'
soon pgrep -u agent python3
for _ in $(seq 20); do
	as alice /usr/local/bin/au files grant --agent-uid "$(id -u agent)" --rw --record /home/alice/record $m > /dev/null
	as alice /usr/local/bin/au files restore --agent-uid "$(id -u agent)" --rw --record /home/alice/record $m > /dev/null
	/usr/local/bin/au files give-back --from "$(id -u agent)" --to "$(id -u alice)" --group "$(id -g alice)" $m > /dev/null
done
ok pkill -u agent python3
getfacl -Rn /home/alice/private > /run/private2
ok diff /run/private /run/private2
ok as alice au mount remove $m

promise="a vanished source can be removed, and a file system without ACLs is refused"
ok as alice au mount add --acl $m box
umount $m
ok as alice au mount remove $m
mount -t ramfs ramfs $m
chown alice $m
fails 1 as alice au mount add --acl $m
complains 'has no ACLs'
ok as alice au mount list
says_exactly 'Nothing is shared with agent agent.'
umount $m

promise="au delete undoes it as well, run by the human or by root"
for who in alice root; do
	as alice sh -c 'mkdir -p acl && echo x > acl/x && chmod 600 acl/x'
	ok as alice au mount add --acl --rw acl
	ok as alice au run sh -c 'echo x > acl/agents; mkdir -m 700 acl/shut; echo x > acl/shut/x'
	if [ $who = root ]; then
		ok au delete --human alice -y -H
	else
		ok as alice au delete -y -H
	fi
	ok find /home/alice/acl ! -user alice
	silent
	ok getfacl -Rp --skip-base /home/alice/acl
	silent
	ok stat -c %a /home/alice/acl/x
	says_exactly 600
	rm -r /home/alice/acl
	ok as alice au new -y
done

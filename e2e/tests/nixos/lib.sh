# shellcheck shell=sh
# Puts what the NixOS module writes on a machine as NixOS would put it. The nixos scripts begin with it.

# 1. The module's own words, but for the paths of programs (nix/testdata/spec.json, tmpfiles.conf). alice is declared; bob is not.
store=/nix/store/00000000000000000000000000000000-au
install -D -m 0755 /usr/local/bin/au $store/bin/au
install -D -m 0755 /usr/local/libexec/au/au-complete $store/libexec/au/au-complete
install -D -m 0755 /usr/local/libexec/au/su_as_agent $store/libexec/au/su_as_agent
rm -r /usr/local/bin/au /usr/local/libexec/au # NixOS has no such folders
ln -s $store/bin/au /usr/bin/au
mkdir -p /tmp/out /etc/au/agents /etc/au/net
cat >/etc/au/agents.json <<EOF
{"mutableUsers": false, "sleep": "/usr/bin/sleep", "program": "$store/libexec/au/au-complete", "agents": {
 "claude": {"uid": 54237, "gid": 54237, "group": 55290, "tag": "0123456789abcdef", "home": "/home/claude", "shell": "/bin/bash",
  "path": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "humans": [{"name": "alice", "uid": null}], "allow": [], "keepEnv": ["EDITOR"], "setEnv": ["FROM=the configuration", "BOTH=the configuration"], "morePath": ["~/example/bin", "~/other"],
  "shares": [{"source": "~/example", "target": "/home/claude/example", "readOnly": false, "samePath": true},
   {"source": "~/.gitconfig", "target": "/home/claude/.gitconfig", "readOnly": true, "samePath": true},
   {"source": "~/drafted", "target": "/home/claude/drafted", "readOnly": true, "samePath": true, "draft": true},
   {"source": "~/hidden/docs", "target": "/home/claude/docs", "readOnly": true, "samePath": false}],
  "limits": {"cpu": "150%", "memory": "64M", "swap": "0", "tasks": "50", "cpuWeight": "50", "ioWeight": null}, "net": null},
 "shut": {"uid": 50002, "gid": 50002, "group": 50003, "tag": "fedcba9876543210", "home": "/home/shut", "shell": "/bin/bash",
  "path": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "humans": [{"name": "alice", "uid": 1000}], "allow": [], "keepEnv": [], "morePath": [], "shares": [],
  "limits": {"cpu": null, "memory": null, "swap": null, "tasks": null, "cpuWeight": null, "ioWeight": null},
  "net": {"presets": [], "allow": ["example.org"], "deny": [], "dns": [], "ech": true, "localhost": [], "backend": "nft", "proxyPort": 61001, "dnsPort": 61002}},
 "tabled": {"uid": 50004, "gid": 50004, "group": 50005, "tag": "00fedcba98765432", "home": "/home/tabled", "shell": "/bin/bash",
  "path": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "humans": [{"name": "alice", "uid": 1000}], "allow": [], "keepEnv": [], "morePath": [], "shares": [],
  "limits": {"cpu": null, "memory": null, "swap": null, "tasks": null, "cpuWeight": null, "ioWeight": null},
  "net": {"presets": [], "allow": ["example.org"], "deny": [], "dns": [], "ech": true, "localhost": [], "backend": "iptables", "proxyPort": 61003, "dnsPort": 61004}},
 "gone": {"uid": 50006, "gid": 50006, "group": 50007, "tag": "0000fedcba987654", "home": "/home/gone", "shell": "/bin/bash",
  "path": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "humans": [{"name": "alice", "uid": 1000}], "allow": [], "keepEnv": [], "morePath": [], "shares": [],
  "limits": {"cpu": null, "memory": null, "swap": null, "tasks": null, "cpuWeight": null, "ioWeight": null},
  "net": {"presets": [], "allow": ["example.org"], "deny": [], "dns": [], "ech": true, "localhost": [], "backend": "nft", "proxyPort": 61005, "dnsPort": 61006}}}}
EOF
ok au render /etc/au/agents.json /tmp/out

# 2. Users and groups, home, files, units: what NixOS's activation does with the module's options.
user() { # NAME UID GROUP TAG
	groupadd -g "$2" "$1" && groupadd -g "$3" "su-as-$1" && usermod -aG "su-as-$1" alice &&
		useradd -M -u "$2" -g "$2" -d "/home/$1" -s /nonexistent/nologin -c "au agent $4" -e 1970-01-02 -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 "$1"
}
ok user claude 54237 55290 0123456789abcdef
ok user shut 50002 50003 fedcba9876543210
ok user tabled 50004 50005 00fedcba98765432
ok user gone 50006 50007 0000fedcba987654
for name in shut tabled gone; do ok useradd --system --user-group --no-create-home aunet-$name; done
for name in claude shut tabled gone; do
	acl=u:$name:rwx,g:su-as-$name:rwx,u:alice:rwx,m::rwx
	printf '%s\n' "d /home/$name 2770 $name su-as-$name -" \
		"a+ /home/$name - - - - $acl,d:$(echo "$acl" | sed 's/,/,d:/g'),d:u::rwx,d:g::rwx,d:o::---" \
		"d /home/$name/.ssh 0700 $name $name -" "d /home/$name/.gnupg 0700 $name $name -"
done >/etc/tmpfiles.d/00-nixos.conf
for name in shut tabled gone; do echo "d /var/log/au/$name 2750 aunet-$name su-as-$name -"; done >>/etc/tmpfiles.d/00-nixos.conf
ok systemd-tmpfiles --create 00-nixos.conf
install -m 0644 /tmp/out/agents/* /etc/au/agents/
install -m 0644 /tmp/out/net/* /etc/au/net/
cp -R /tmp/out/lib/systemd/system/. /etc/systemd/system/
for name in claude shut tabled gone; do
	mkdir /etc/systemd/system/au-$name.service.d
	printf '[Unit]\nRefuseManualStop=false\n' >/etc/systemd/system/au-$name.service.d/overrides.conf
done
mkdir -p /etc/systemd/system/user-54237.slice.d
printf '[Slice]\nCPUQuota=150%%\nMemoryMax=64M\nMemorySwapMax=0\nTasksMax=50\nCPUWeight=50\n' >/etc/systemd/system/user-54237.slice.d/overrides.conf

# The wrapper, as nixpkgs has it: it starts the program of the store, which is not set-uid, and gives it its own path as argv[0].
mkdir -p /run/wrappers
mount -t tmpfs -o mode=755,nodev tmpfs /run/wrappers
mkdir /run/wrappers/wrappers.1
printf '#include <unistd.h>\nint main(int n, char **v, char **e) { v[0] = SOURCE; execve(SOURCE, v, e); return 1; }\n' >/tmp/wrapper.c
for name in claude shut tabled gone; do
	wrapper=/run/wrappers/wrappers.1/su-as-$name
	ok gcc -DSOURCE="\"$store/libexec/au/su_as_agent\"" -o $wrapper /tmp/wrapper.c
	chmod 0000 $wrapper
	chown root:su-as-$name $wrapper
	chmod u+s,g-s,u+rx,g+x $wrapper # the module's words behind NixOS's own
	ok stat -c %a $wrapper
	says_exactly 4510
done
ln -s /run/wrappers/wrappers.1 /run/wrappers/bin
ok systemctl daemon-reload
ok systemctl start au-claude.service au-shut.service au-tabled.service au-gone.service

# NixOS has cgroup v2 alone, and that is what the policies name; here v1 may rule.
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
	ok as alice au new -y -a other
	for name in claude shut tabled gone; do
		sed -n "s/user-[0-9]*.slice/user-$(id -u $name).slice/; s/au-other/au-$name/; /^cgroup /p" /etc/au/agents/other >/tmp/cgroups
		sed -i -e '/^cgroup /d' -e "/^enter-gid/r /tmp/cgroups" "/etc/au/agents/$name"
	done
	ok as alice au delete -y -H -a other
fi

# shellcheck shell=sh
# An agent of agent-as-unix-user's, its shares, and what both sides leave in them. Sourced after lib.sh, with that program as $AU.

# before makes alice's folders as they are before she shares them.
before() {
	getent group team >/dev/null || { groupadd --gid 900 team && usermod -aG team alice; }
	chmod 750 /home/alice
	rm -rf /home/alice/proj /home/alice/ref /home/alice/shared
	as alice sh -eu <<-'END'
		mkdir proj proj/old proj/private proj/team proj/own ref shared
		chmod 755 proj proj/old ref shared
		chmod 700 proj/private
		for f in proj/file proj/private/key proj/tool proj/fixed proj/old/file proj/for-bob ref/page shared/file; do echo "$f" >$f; done
		chmod 600 proj/private/key
		chmod 755 proj/tool
		chmod 644 proj/file proj/old/file ref/page shared/file
		chmod 444 proj/fixed
		setfacl -m u:bob:r,g::- proj/for-bob
		chgrp team proj/team shared
		chmod 2775 proj/team shared
		chmod 2755 proj/own
		setfacl -m d:u:bob:rx proj/team
		ln -s /etc/hostname proj/link
	END
	find /home/alice/proj /home/alice/ref /home/alice/shared >/run/e2e/old-paths
}

# share has the program share them.
share() {
	as alice "$AU" mount add --rw proj
	as alice "$AU" mount add ref
	as alice "$AU" mount add --rw shared /home/agent/elsewhere/shared
}

# work has both of them make files. The agent is at a terminal, for 2.2 needs one.
work() {
	# shellcheck disable=SC2016 # for another shell
	at_terminal alice sh -c 'cd proj && exec "$0" run -- sh -euc "$1"' "$AU" '
		umask 022
		cd ~/proj
		echo changed >file
		echo new >new && echo x >exec && chmod 755 exec && echo closed >closed && chmod 600 closed
		mkdir made made/deep shut && echo m >made/deep/m && echo s >shut/s && chmod 700 shut
		echo a >old/a && mkdir old/made && echo m >old/made/m && mkdir old/setgid && chmod g+s old/setgid && echo s >old/setgid/s
		echo t >team/t && mkdir team/made && echo p >private/p
		echo twice >made/one && ln made/one made/two
		ln -s /etc/passwd made/link && mkfifo made/pipe
		echo s >~/elsewhere/shared/made
		echo note >~/note && mkdir -p ~/.local/bin && echo t >~/.local/bin/tool && chmod 755 ~/.local/bin/tool
		mkdir ~/shut && chmod 700 ~/shut && echo s >~/shut/s'
	as alice sh -eu <<-'END'
		cd proj
		echo later >later && echo l >later-closed && chmod 600 later-closed
		mkdir later-made && echo m >later-made/m && echo by-alice >made/by-alice
		echo g >old/setgid/by-alice
		echo by-alice >/home/agent/by-alice && echo more >>/home/agent/note
	END
}

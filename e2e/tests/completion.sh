#!/bin/sh
# In bash, zsh and fish the tab key completes au's commands, options, agents, shares and presets, and hands a run's command to the shell.
# machines: trixie
# machines by hand: bookworm
# waits: yes
. /opt/e2e/lib.sh
ok as alice au new -y
ok as alice au new -y -a reviewer
as alice mkdir -p "projects/one" "projects/two" only-folder
as alice touch only-file keys.env
ok as alice au mount add projects/one
ok as alice python3 /opt/e2e/tests/completion/keys.py bash
ok as alice python3 /opt/e2e/tests/completion/keys.py zsh
ok as alice python3 /opt/e2e/tests/completion/keys.py fish
promise="without bash-completion, and from what au prints, it works as well"
mv /usr/share/bash-completion /usr/share/bash-completion.away
ok as alice python3 /opt/e2e/tests/completion/keys.py bash-alone

#!/bin/sh
# A GNUmakefile in a home that was kept runs as the human at the next `au new`
. /opt/e2e/attacks-original/common
src=/home/agent/.config/agent-as-unix-user/su_as_agent-src
must run_as_agent mkdir -p $src
printf 'all:\n\ttouch /home/alice/attacked\n\tcp /bin/true su_as_agent\n' >/opt/GNUmakefile
must run_as_agent cp /opt/GNUmakefile $src/GNUmakefile
must run_as_agent cp /opt/GNUmakefile /home/agent/GNUmakefile
must as alice au delete -y
must as alice au new -y
succeeded test -e /home/alice/attacked

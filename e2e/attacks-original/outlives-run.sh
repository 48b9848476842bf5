#!/bin/sh
# A background process outlives the run
. /opt/e2e/attacks-original/common
must run_as_agent sh -c 'setsid sleep 777 >/dev/null 2>&1 </dev/null & sleep 1'
sleep 1
succeeded pgrep -u agent sleep

#!/bin/sh
# The agent starts the entrypoint itself, and root makes it a folder in /etc
. /opt/e2e/attacks-original/common
must run_as_agent mkdir /home/agent/own
case $AU_SIDE in
original) run_as_agent env -i $E --mount-rw /home/agent/own /home/agent/../../etc/attacked -- true ;;
*) run_as_agent env -i $E agent --rw /home/agent/own ../../etc/attacked -- true ;;
esac
succeeded sh -c '[ "$(stat -c %U /etc/attacked)" = agent ]'

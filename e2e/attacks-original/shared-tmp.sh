#!/bin/sh
# The agent reads what the human left in /tmp
. /opt/e2e/attacks-original/common
must as alice sh -c 'echo private >/tmp/letter'
succeeded run_as_agent grep private /tmp/letter

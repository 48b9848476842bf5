#!/bin/sh
# Another user reads a secret that the human gave with `--env`, two seconds into the run
. /opt/e2e/attacks-original/common
# From a file: what starts au in this test must not hold the secret itself.
echo 'exec au run --env TOKEN=s3cret -- sleep 6' >/opt/start
terminal sh /opt/start &
soon pgrep -u agent sleep
sleep 2
as bob sh -c 'cat /proc/[0-9]*/cmdline 2>/dev/null' | tr '\0' '\n' >/run/seen
must grep -q sleep /run/seen
succeeded grep -q s3cret /run/seen

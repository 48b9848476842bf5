#!/bin/sh
# A process that stays behind reads the next password typed at the human's terminal
. /opt/e2e/attacks-original/common
# shellcheck disable=SC2016 # the run's shell expands it
printf '%s\n' 'exec 3<&0' 'setsid sh -c "head -n 1 <&3 >/home/agent/heard" &' 'sleep 1' >/opt/listen
terminal --type hunter2 bash -c 'au run -- sh /opt/listen; printf "password:"; sleep 3'
succeeded grep -q hunter2 /home/agent/heard

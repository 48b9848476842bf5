#!/bin/sh
# A file that the human's shell holds open is open in the run
. /opt/e2e/attacks-original/common
must as alice sh -c 'umask 077; echo private >letter'
succeeded terminal bash -c 'exec 7<letter; au run -- sh -c "grep private <&7"'

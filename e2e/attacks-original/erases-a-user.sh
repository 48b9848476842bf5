#!/bin/sh
# `au new` with the name of a real user fails; `au delete -H` then erases the user and the home
. /opt/e2e/attacks-original/common
must test -d /home/bob
as alice au new -y --agent bob
as alice au delete -y -H --agent bob
succeeded sh -c '! id bob || [ ! -d /home/bob ]'

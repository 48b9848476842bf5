#!/bin/sh
# A share is a folder that the caller owns and reaches by a path without links; the agent cannot make it another one.
. /opt/e2e/tests/attacks/common
install -d -o alice -g alice -m 700 $share/docs /home/alice/Documents
install -o alice -m 600 /dev/null /home/alice/Documents/private
ok enter --rw $share/docs docs -- ls -a docs

promise="the agent turns a folder in a share into a link; the next run that shares this folder is refused"
ok enter --rw $share attacked -- sh -c 'rmdir attacked/docs && ln -s ../Documents attacked/docs'
fails 125 enter --rw $share/docs docs -- ls docs
says_not private
complains 'symbolic link'
ok enter --rw $share attacked -- sh -c 'rm attacked/docs && ln -s .. attacked/up'
fails 125 enter --ro $share/up/Documents docs -- ls docs
says_not private
rm -rf /home/alice/Documents

promise="a folder of another's cannot be shared, nor one that the caller cannot reach"
install -d -m 755 /home/roots
fails 125 enter --ro /home/roots docs -- ls docs
complains 'want a folder that you own'
rmdir /home/roots
install -d -m 700 /home/closed
install -d -o alice /home/closed/hers
fails 125 enter --rw /home/closed/hers docs -- touch docs/x
complains 'Permission denied'
fails 125 enter --rw /proc/self/root/home/alice docs -- ls docs
fails 125 enter --rw $share/hers docs -- ls docs
rm -r /home/closed
fails 125 enter --rw $share/nosuch docs -- ls docs
complains 'it is not there any more'

promise="a file system that cannot be id-mapped is named"
# Not in /: that is an overlay in a quick machine, and an overlay takes none above itself.
install -d /home/box /home/box/lower /home/box/upper /home/box/work
install -d -o alice -m 700 /home/box/alices
mount -t overlay -o lowerdir=/home/box/lower,upperdir=/home/box/upper,workdir=/home/box/work alices /home/box/alices
chown alice /home/box/alices
fails 125 enter --rw /home/box/alices docs -- ls docs
complains 'overlay, mounted on it, cannot be shown under another owner'
ok enter --acl-ro /home/box/alices docs -- true
umount /home/box/alices
rm -r /home/box

#!/bin/sh
# Targets are walked and made as the agent: what it plants there leads root nowhere.
. /opt/e2e/tests/attacks/common
plant() { enter -- sh -c "rm -rf attacked; $1"; }

plant 'ln -s /etc attacked'
fails 125 enter --rw $share attacked -- cat /etc/hers
complains 'symbolic link'
fails 125 enter --rw $share attacked/made -- true
[ ! -e /etc/made ] || fail "root made a folder where the agent's link led"
plant 'mkdir attacked; ln -s /opt attacked/link'
fails 125 enter --rw $share attacked/link/made -- true
[ ! -e /opt/made ] || fail "root made a folder where the agent's link led"
plant 'ln -s ../../etc attacked'
fails 125 enter --rw $share attacked -- true
plant 'ln -s /home/alice attacked'
fails 125 enter --rw $share attacked -- true
plant 'mkfifo attacked'
fails 125 enter --rw $share attacked -- true
plant 'touch attacked'
fails 125 enter --rw $share attacked/x -- true

promise="what is missing is made by the agent, and is the agent's"
plant true
ok enter --rw $share attacked/a/b -- true
ok stat -c %U /home/agent/attacked /home/agent/attacked/a /home/agent/attacked/a/b
says_exactly "agent
agent
agent"
plant true

promise="a folder of root's in the home is not covered"
install -d -m 755 /home/agent/attacked
fails 125 enter --rw $share attacked -- true
complains "want a folder of the agent's or yours"
rmdir /home/agent/attacked

promise="a home that is another's is not entered"
mv /home/agent /home/agent.kept
install -d -o bob /home/agent
fails 125 enter -- true
complains 'want the agent as its owner'
rmdir /home/agent
ln -s agent.kept /home/agent
fails 125 enter -- true
rm /home/agent
mv /home/agent.kept /home/agent

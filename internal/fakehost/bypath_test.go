// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"strings"
	"testing"
)

func TestByPath(t *testing.T) {
	for line, refused := range map[string]bool{
		"install -d -m 2770 -o agent -g su-as-agent /home/agent":                   false,
		"setfacl --modify u:agent:rwx /home/agent":                                 false,
		"setfacl --remove-all /home/agent":                                         false,
		"rm -f /etc/au/agents/agent /etc/au/agents/agent.new":                      false,
		"runuser -u agent -- cp -R /etc/skel/.bashrc /home/agent/":                 false,
		"/usr/local/bin/au files remove /home/agent":                               false,
		"useradd --uid 1002 --home-dir /home/agent agent":                          false,
		"dd status=none of=/sys/fs/cgroup/user.slice/x":                            false,
		"find /home/agent -xdev -nouser -exec chown -h agent {} +":                 true,
		"find /var/mail -xdev -type f -uid 1002 -delete":                           true,
		"rm -rf --one-file-system /home/agent":                                     true,
		"rm -rf /etc/systemd/system.control/user-1002.slice.d":                     true,
		"chown -R agent /home/agent":                                               true,
		"chmod --recursive go= /home/agent":                                        true,
		"setfacl -R -m u:agent:rwx /srv/proj":                                      true,
		"chown agent /home/agent/file":                                             true,
		"install -m 0644 /dev/stdin /home/alice/proj/file":                         true,
		"mv -T /tmp/x /etc/au/x":                                                   true,
		"install -m 0755 /home/alice/go/bin/au /usr/local/libexec/au/agent/au.new": true,
		"rm -f /run/au/agent/tmp/x":                                                true,
		"dd of=/home/alice/x":                                                      true,
		"cat /etc/../home/alice/x":                                                 true,
		"sh -c true":                                                               true,
		"runuser -u root -- rm -rf /home/agent":                                    true,
	} {
		if why := ByPath(strings.Fields(line)); (why != "") != refused {
			t.Errorf("%s: %q", line, why)
		}
	}
}

// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"strings"
	"testing"
)

func TestUnportable(t *testing.T) {
	for line, refused := range map[string]bool{
		"mkdir -p -m 0755 /etc/au":                                          false,
		"chown agent:su-as-agent /home/agent":                               false,
		"chmod 2770 /home/agent":                                            false,
		"dd status=none of=/etc/au/x.new":                                   false,
		"mv -T /etc/au/x.new /etc/au/x":                                     false,
		"runuser -u agent -- cp -R /etc/skel/.bashrc /home/agent/":          false,
		"runuser -u agent -- chmod -R ug+rwX,o=,u-s,-t /home/agent/.bashrc": false,
		"setfacl --modify u:1002:rwx /home/agent":                           false,
		"install -d -m 0755 /etc/au":                                        true,
		"/usr/bin/install -m 4750 /dev/stdin /x":                            true,
		"runuser -u agent -- cp -R --no-preserve=mode /etc/skel/x /home":    true,
		"rm -rf --one-file-system /x":                                       true,
		"chown 1002:1003 /home/agent":                                       true,
		"chown +1002:+1003 /home/agent":                                     true,
		"ln -sfn a b":                                                       true,
		"mkdir --mode=0755 /etc/au":                                         true,
	} {
		if why := Unportable(strings.Fields(line)); (why != "") != refused {
			t.Errorf("%s: %q", line, why)
		}
	}
}

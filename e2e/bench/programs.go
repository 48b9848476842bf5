// SPDX-License-Identifier: GPL-3.0-or-later

package main

import "fmt"

// sizesScript prints how many bytes the files are that the words of $1 name, with those below folders, and how many with those of $2 and the libraries that
// all of them load; each file once, without what Python has compiled.
const sizesScript = `
files() { for top; do [ ! -e "$top" ] || find "$(readlink -f "$top")" -type f ! -name '*.pyc'; done; }
sum() { sort -u | xargs -rd '\n' stat -c %s | awk '{ n += $1 } END { print n + 0 }'; }
own=$(files $1) more=$(files $2)
programs=$(printf '%s\n' "$own" "$more" | LC_ALL=C xargs -rd '\n' grep -laP '^\x7fELF' --)
libraries=$(for program in $programs; do ldd "$program" 2>/dev/null; done | sed -En 's/^\s+(.* => )?(\/\S+) \(0x.*/\2/p' | sort -u)
printf '%s\n' "$own" | sum
printf '%s\n' "$own" "$more" "$(files $libraries)" | grep . | sum`

// programs says how much of the disk each program takes.
func programs(m *machine, f *figures) error {
	products := []struct{ title, own, more string }{
		{"**`au`**, which starts runs", "/usr/local/bin/au", ""},
		{"**`au-complete`**, for all else", "/usr/local/libexec/au/au-complete", ""},
		{"**its entrypoint**", "/usr/local/libexec/au/su_as_agent", ""},
		{"bubblewrap", "/usr/bin/bwrap", ""},
		{"firejail", "/usr/bin/firejail /usr/bin/firecfg /usr/bin/firemon /usr/lib/*/firejail /etc/firejail", ""},
		{"sudo", "/usr/bin/sudo /usr/libexec/sudo/*.so* /usr/lib/sudo/*.so*", "/usr/lib/*-linux-gnu/security/pam_unix.so /usr/lib/*-linux-gnu/libpam.so.0"},
		{"doas", "/usr/bin/doas", ""},
		{"systemd-run", "/usr/bin/systemd-run", ""},
	}
	if m.original {
		products = append(products, struct{ title, own, more string }{"agent-as-unix-user 2.x", "/opt/original/agent_as_unix_user", "/usr/bin/python3 /usr/lib/python3.* /opt/original/click"})
	}
	var rows [][3]string
	for _, p := range products {
		out, err := command{argv: []string{"sh", "-c", sizesScript, "sh", p.own, p.more}}.output()
		if err != nil {
			return err
		}
		var own, all int64
		if _, err := fmt.Sscan(out, &own, &all); err != nil {
			return fmt.Errorf("%s: %q: %w", p.title, out, err)
		}
		rows = append(rows, [3]string{p.title, size(own), size(all)})
	}
	f.sizes(rows)
	return nil
}

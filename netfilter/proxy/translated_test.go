// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestTranslatedNetwork is that names are reached in a network that has IPv6 alone
// and makes up addresses for the rest (DNS64 and NAT64), by the well-known prefix
// and by one of its own. No such address opens what is inside.
func TestTranslatedNetwork(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	for _, prefix := range []string{"64:ff9b::", "2606:4700:64::"} {
		t.Run(prefix, func(t *testing.T) {
			w.names.set("ipv4only.arpa", "192.0.0.170", prefix+"192.0.0.170")
			t.Cleanup(func() { w.names.set("ipv4only.arpa") })
			for _, v4 := range []string{allowedAddr, insideAddr, "169.254.169.254"} {
				addr := prefix + v4
				internet := "nsenter -t " + strconv.Itoa(w.internet.Process.Pid) + " -n "
				if err := sh(internet + "ip -6 addr replace " + addr + "/128 dev lo nodad"); err != nil {
					t.Fatal(err)
				}
				ln, err := w.listen(addr, 80)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { ln.Close() })
				go http.Serve(ln, w.site(addr))
			}
			w.names.set("only4.example", prefix+allowedAddr)
			w.names.set("only4-inside.example", prefix+insideAddr)
			w.names.set("only4-metadata.example", prefix+"169.254.169.254")
			r := w.start(t, "only4.example", "only4-inside.example", "only4-metadata.example")
			curl := func(name string, args ...string) string {
				out, _ := w.agent(t, append([]string{"curl", "-sS", "--max-time", "8", "http://" + name + "/"}, args...)...)
				return out
			}
			for _, args := range [][]string{nil, {"-x", "http://127.0.0.1:41000"}} {
				if out := curl("only4.example", args...); !strings.Contains(out, "only4.example at "+prefix+allowedAddr) {
					t.Errorf("%v: %s", args, out)
				}
				for _, name := range []string{"only4-inside.example", "only4-metadata.example"} {
					if out := curl(name, args...); !strings.Contains(out, "reason: private-address") {
						t.Errorf("%s %v: %s", name, args, out)
					}
				}
			}
			// The command of the hint opens it, and it alone.
			_, hint, _ := strings.Cut(curl("only4-inside.example"), "au net allow --agent agent ")
			hint, _, _ = strings.Cut(hint, "\n")
			r.rules("only4.example", "only4-inside.example", "only4-metadata.example", hint)
			r.reload()
			if out := curl("only4-inside.example"); !strings.Contains(out, "only4-inside.example at ") {
				t.Errorf("with %s: %s", hint, out)
			}
			if out := curl("only4-metadata.example"); !strings.Contains(out, "reason: private-address") {
				t.Errorf("with %s: %s", hint, out)
			}
			if want := fmt.Sprintf("[%s", prefix); !strings.HasPrefix(hint, want) || !strings.HasSuffix(hint, "]:80") {
				t.Errorf("the hint opens %s", hint)
			}
		})
	}
}

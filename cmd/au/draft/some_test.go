// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import "testing"

// Of a folder that the agent removed, a part is not kept that was hidden from the agent, or went elsewhere with a folder.
func TestKeepSomeOfWhatStays(t *testing.T) {
	for agent, path := range map[string]string{"rm -r a": "a/secret/x", "mv a/sub b; rm -r a": "a/sub/y"} {
		b := newBench(t)
		b.in(b.folder, "mkdir -p a/secret a/sub; echo s >a/secret/x; echo s >a/sub/y")
		b.begin()
		_, _, err := b.d.Prepare(Wanted{Hide: []string{"a/secret"}})
		b.ok(err)
		b.drafted(agent)
		before := dump(t, b.folder, true, true)
		if _, err = b.d.Keep([]string{path}, Refuse); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		differ(t, "the folder after keep "+path, dump(t, b.folder, true, true), before)
	}
}

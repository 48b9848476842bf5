// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"slices"
	"strings"
	"testing"
)

func TestReadRecordsSkipsWhatIsNone(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, between := range []string{"", "\n", "{\"name\":\"cut\n", long(maxRecord-1) + "\n", long(maxRecord) + "\n", long(3*maxRecord) + "\n", long(3*maxRecord-1) + "\n", long(maxRecord) + "{\"name\":\"inside\"}\n"} {
		var names []string
		log := `{"name":"first"}` + "\n" + between + `{"name":"last"}`
		err := ReadRecords(strings.NewReader(log), func(r Record) error {
			names = append(names, r.Name)
			return nil
		})
		if err != nil || !slices.Equal(names, []string{"first", "last"}) {
			t.Errorf("with %d bytes between: %q, %v", len(between), names, err)
		}
	}
}

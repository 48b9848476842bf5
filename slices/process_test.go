// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"reflect"
	"testing"
)

func TestWhatHasEndedIsNotAlive(t *testing.T) {
	files := map[string]string{"self/status": "x", "uptime": "1 2"}
	put := func(pid, state, status string) {
		files[pid+"/stat"] = pid + " (x) " + state + " 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0\n"
		files[pid+"/status"] = "Name:\tx\n" + status
	}
	put("20", "Z", "Uid:\t1001\t1001\t1001\t1001\nNSpid:\t20\t1\n")
	put("21", "t", "TracerPid:\t9\nUid:\t1001\t0\t0\t0\nNSpid:\t21\t2\n")
	put("22", "S", "Uid:\t1002\t1001\t1001\t1001\n")
	files["23/stat"] = "23 (gone"
	all, alive := All(tree(files), 1001)
	want := []Process{{PID: 21, Command: "x", State: 't', Parent: 7, Tracer: 9, PIDs: []string{"21", "2"}, UIDs: []string{"1001", "0", "0", "0"}, Started: 5}}
	if !reflect.DeepEqual(alive, want) {
		t.Errorf("alive are %+v, want %+v", alive, want)
	}
	if len(all) != 3 || !all[0].Ended() || all[0].PIDs[1] != "1" {
		t.Errorf("all are %+v, the first of them ended", all)
	}
}

// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"reflect"
	"slices"
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

func TestBelow(t *testing.T) {
	all := []Process{{PID: 1}, {PID: 7, Parent: 1}, {PID: 8, Parent: 7}, {PID: 9, Parent: 8}, {PID: 10, Parent: 8}, {PID: 11, Parent: 1}, {PID: 12, Parent: 13}, {PID: 13, Parent: 12}}
	var got []int
	for _, p := range Below(7, all, all) {
		got = append(got, p.PID)
	}
	if !slices.Equal(got, []int{8, 9, 10}) {
		t.Errorf("below 7 are %v", got)
	}
	if (Process{PID: 7, Started: 1}).Is(Process{PID: 7, Started: 2}) {
		t.Error("a pid that was used again is another process")
	}
}

// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A processor is one that the entrypoint has a filter for, with the numbers of its calls as the kernel's own tables have them
// (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h), and the ABIs that its kernel runs besides.
type processor struct {
	compiler, emulator string
	audit              uint32
	foreign            []uint32
	calls              map[string]uint32
}

var processors = map[string]processor{
	"amd64": {"x86_64-linux-gnu-gcc", "qemu-x86_64-static", 0xc000003e, []uint32{0x40000003}, map[string]uint32{
		"open": 2, "ioctl": 16, "io_setup": 206, "socket": 41, "socketpair": 53, "clone": 56, "creat": 85, "chmod": 90, "fchmod": 91, "mknod": 133,
		"request_key": 249, "openat": 257, "mknodat": 259, "fchmodat": 268, "unshare": 272,
	}},
	"arm64": {"aarch64-linux-gnu-gcc", "qemu-aarch64-static", 0xc00000b7, []uint32{0x40000028}, map[string]uint32{
		"io_setup": 0, "ioctl": 29, "mknodat": 33, "fchmod": 52, "fchmodat": 53, "openat": 56, "unshare": 97, "socket": 198, "socketpair": 199,
		"request_key": 218, "clone": 220,
	}},
}

// everywhere are the calls that have one number on all processors.
var everywhere = map[string]uint32{"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "clone3": 435, "openat2": 437, "fchmodat2": 452}

const allowed, killed, eperm, enosys, enofamily = "allowed", "killed", "errno 1", "errno 38", "errno 97"

// A judged call, and what comes of it. Those that a processor lacks are not tried there.
var judged = []struct {
	call string
	args [6]uint64
	want string
}{
	{"chmod", [6]uint64{1: 0o4755}, eperm}, {"chmod", [6]uint64{1: 0o2755}, allowed}, {"creat", [6]uint64{1: 0o2755}, eperm}, {"mknod", [6]uint64{1: 0o4755}, eperm},
	{"open", [6]uint64{1: 0o100, 2: 0o4755}, eperm}, {"open", [6]uint64{2: 0o4755}, allowed},
	{"fchmod", [6]uint64{1: 0o4755}, eperm}, {"fchmod", [6]uint64{1: 0xffffffff00000000 | 0o4755}, eperm}, {"fchmod", [6]uint64{1: 0o2755}, allowed}, {"fchmod", [6]uint64{1: 0o755}, allowed},
	{"fchmodat", [6]uint64{2: 0o4755}, eperm}, {"fchmodat", [6]uint64{2: 0o755}, allowed}, {"fchmodat2", [6]uint64{2: 0o4755}, eperm}, {"fchmodat2", [6]uint64{2: 0o755}, allowed},
	{"mknodat", [6]uint64{2: 0o100000 | 0o4755}, eperm}, {"mknodat", [6]uint64{2: 0o2755}, eperm}, {"mknodat", [6]uint64{2: 0o10755}, allowed},
	{"openat", [6]uint64{2: 0o100, 3: 0o4755}, eperm}, {"openat", [6]uint64{2: 0o100, 3: 0o2755}, eperm}, {"openat", [6]uint64{2: 0o20000000, 3: 0o4755}, eperm},
	{"openat", [6]uint64{2: 0o100, 3: 0o755}, allowed}, {"openat", [6]uint64{3: 0o6755}, allowed},
	{"openat2", [6]uint64{}, enosys}, {"io_setup", [6]uint64{}, enosys}, {"io_uring_setup", [6]uint64{}, enosys}, {"io_uring_enter", [6]uint64{}, enosys}, {"io_uring_register", [6]uint64{}, enosys},
	{"ioctl", [6]uint64{1: 0x5412}, eperm}, {"ioctl", [6]uint64{1: 0xffffffff00005412}, eperm}, {"ioctl", [6]uint64{1: 0x541c}, eperm}, {"ioctl", [6]uint64{1: 0x5413}, allowed},
	{"socket", [6]uint64{0: 1}, allowed}, {"socket", [6]uint64{0: 2}, allowed}, {"socket", [6]uint64{0: 10}, allowed}, {"socket", [6]uint64{0: 16}, allowed},
	{"socket", [6]uint64{0: 16, 2: 6}, enofamily}, {"socket", [6]uint64{0: 40}, enofamily}, {"socket", [6]uint64{0: 0x100000000 + 40}, enofamily}, {"socket", [6]uint64{0: 17}, enofamily},
	{"socketpair", [6]uint64{0: 1}, allowed}, {"socketpair", [6]uint64{0: 30}, enofamily},
	{"request_key", [6]uint64{2: 0}, allowed}, {"request_key", [6]uint64{2: 4096}, eperm}, {"request_key", [6]uint64{2: 0x7f0000000000}, eperm},
	{"clone", [6]uint64{0: 0x10000000}, eperm}, {"clone", [6]uint64{0: 0x11}, allowed}, {"unshare", [6]uint64{0: 0x10000000}, eperm}, {"unshare", [6]uint64{0: 0x20000}, allowed}, {"clone3", [6]uint64{}, enosys},
}

// step is a step of a filter.
type step struct{ code, whenTrue, whenFalse, k uint32 }

// judge is the kernel's part: it runs the filter on a call.
func judge(t *testing.T, filter []step, audit, nr uint32, args [6]uint64) string {
	data := map[uint32]uint32{0: nr, 4: audit}
	for i, arg := range args {
		data[16+8*uint32(i)], data[20+8*uint32(i)] = uint32(arg), uint32(arg>>32)
	}
	var accumulator uint32
	for at := 0; at < len(filter); at++ {
		s := filter[at]
		var hit bool
		switch s.code {
		case 0x20:
			accumulator = data[s.k]
			continue
		case 0x06:
			switch s.k & 0xffff0000 {
			case 0x7fff0000:
				return allowed
			case 0x80000000:
				return killed
			}
			return fmt.Sprintf("errno %d", s.k&0xffff)
		case 0x15:
			hit = accumulator == s.k
		case 0x35:
			hit = accumulator >= s.k
		case 0x45:
			hit = accumulator&s.k != 0
		default:
			t.Fatalf("step %d has the code %#x", at, s.code)
		}
		at += int(map[bool]uint32{true: s.whenTrue, false: s.whenFalse}[hit])
	}
	t.Fatal("the filter has no end")
	return ""
}

// table returns the filter that a processor has, by a program for it that is run here, emulated where need be.
func table(t *testing.T, arch string, p processor, allow ...string) (filter []step) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "table")
	cc, run := "cc", []string{program}
	if arch != runtime.GOARCH {
		cc, run = p.compiler, []string{p.emulator, program}
	}
	for _, tool := range []string{cc, run[0]} {
		if _, err := exec.LookPath(tool); err != nil && tool != program {
			t.Skipf("there is no %s here", tool)
		}
	}
	if out, err := exec.Command(cc, "-std=c11", "-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", program, "test/table.c").CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	out, err := exec.Command(run[0], append(run[1:], allow...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var s step
		if _, err := fmt.Sscan(line, &s.code, &s.whenTrue, &s.whenFalse, &s.k); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		filter = append(filter, s)
	}
	return filter
}

// The filter is the same on each processor, by the numbers that its calls have there; what is not in the table passes.
func TestFilterOfEachProcessor(t *testing.T) {
	for arch, p := range processors {
		t.Run(arch, func(t *testing.T) {
			strict, open := table(t, arch, p), table(t, arch, p, "userns", "i386")
			numbers := map[uint32]bool{}
			for _, j := range judged {
				nr, ok := p.calls[j.call]
				if !ok {
					nr, ok = everywhere[j.call]
				}
				if !ok {
					continue
				}
				numbers[nr] = true
				if got := judge(t, strict, p.audit, nr, j.args); got != j.want {
					t.Errorf("%s%o: %s, want %s", j.call, j.args, got, j.want)
				}
			}
			if len(numbers) != len(p.calls)+len(everywhere) {
				t.Errorf("%d calls were tried of %d", len(numbers), len(p.calls)+len(everywhere))
			}
			full := [6]uint64{1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1}
			for nr := uint32(0); nr < 1000; nr++ {
				if got := judge(t, strict, p.audit, nr, full); !numbers[nr] && got != allowed {
					t.Errorf("the call %d is in no table, and is %s", nr, got)
				}
			}
			for _, audit := range p.foreign {
				if got := judge(t, strict, audit, 1, [6]uint64{}); got != killed {
					t.Errorf("a program of another ABI (%#x) is %s", audit, got)
				}
				if got := judge(t, open, audit, 1, [6]uint64{}); got != allowed {
					t.Errorf("a program of another ABI (%#x) that the policy allows is %s", audit, got)
				}
			}
			if got := judge(t, open, p.audit, p.calls["unshare"], [6]uint64{0: 0x10000000}); got != allowed {
				t.Errorf("a user namespace that the policy allows is %s", got)
			}
			if got := judge(t, open, p.audit, everywhere["openat2"], full); got != allowed {
				t.Errorf("openat2, beside user namespaces that the policy allows, is %s", got)
			}
		})
	}
}

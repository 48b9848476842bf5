// SPDX-License-Identifier: GPL-3.0-or-later

// Bench measures what it costs an agent to go through the daemon: against no
// proxy at all, and against Debian's squid-openssl with intercept, peek and
// splice, all in turn in one run, as ratios. It needs root, and works in network
// namespaces of its own. Without a squid to be found those columns are empty:
//
//	go run ./netfilter/bench -squid "$(netfilter/bench/squid)"
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter/proxy"
)

const (
	directUID = 61002
	agentUID  = 61001
	squidUID  = 61004
	otherUID  = 61005
	site      = "site.example"
	siteAddr  = "93.184.0.10"
	dnsAddr   = "8.8.8.8"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "daemon":
			os.Exit(proxy.Main(os.Args[2:]))
		case "internet":
			exitOn(serveInternet(os.Args[2]))
		case "client":
			exitOn(serveClient(os.Args[2]))
		}
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 41, "how often each is measured, in turn with the others")
	flag.StringVar(&o.squid, "squid", "", "folder with Debian's squid-openssl unpacked")
	flag.StringVar(&o.squidConf, "squid-conf", "", "one more line of squid's configuration")
	flag.StringVar(&o.only, "only", "", "measure these rows alone")
	flag.StringVar(&o.other, "other", "", "another build of this program, whose daemon is measured against as well, on standard error")
	flag.BoolVar(&o.raw, "raw", false, "print what was measured as well, on standard error")
	flag.Parse()
	if os.Getenv("AU_BENCH") == "" {
		exitOn(reexec())
	}
	exitOn(bench(o))
}

// options say what is measured against what.
type options struct {
	rounds                        int
	squid, squidConf, other, only string
	raw                           bool
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if len(os.Args) > 1 && (os.Args[1] == "internet" || os.Args[1] == "client") {
		os.Exit(0)
	}
}

// reexec becomes this program again in namespaces of its own.
func reexec() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("needs root, for network namespaces of its own")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), "AU_BENCH=1"))
}

func bench(o options) error {
	dir, err := os.MkdirTemp("", "au-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	s := &setup{dir: dir}
	defer s.end()
	ways, err := s.ways(o)
	if err != nil {
		return err
	}
	r, err := measure(ways, o.rounds, o.only)
	if err != nil {
		return err
	}
	if o.raw {
		r.raw(os.Stderr)
	}
	if o.other != "" {
		r.against(os.Stderr, "other")
	}
	r.report(os.Stdout, squidVersion(o.squid))
	return nil
}

// ways starts all there is to be measured.
func (s *setup) ways(o options) ([]*way, error) {
	if err := s.internet(); err != nil {
		return nil, err
	}
	pid, err := s.daemon(s.program, "agent", agentUID, 41000)
	if err != nil {
		return nil, err
	}
	ways := []*way{{name: "direct", uid: directUID}, {name: "au", uid: agentUID, pids: func() []int { return []int{pid} }}}
	if o.squid != "" {
		pid, err := s.squid(o.squid, o.squidConf)
		if err != nil {
			return nil, err
		}
		ways = append(ways, &way{name: "squid", uid: squidUID, pids: func() []int { return family(pid) }})
	}
	if o.other != "" {
		pid, err := s.daemon(o.other, "other", otherUID, 42000)
		if err != nil {
			return nil, err
		}
		ways = append(ways, &way{name: "other", uid: otherUID, pids: func() []int { return []int{pid} }})
	}
	for _, w := range ways {
		if err := s.client(w); err != nil {
			return nil, err
		}
	}
	return ways, nil
}

// squidVersion returns what is measured against, as Debian calls it.
func squidVersion(unpacked string) string {
	if unpacked == "" {
		return ""
	}
	out, err := exec.Command("/usr/sbin/squid", "-v").Output() // laid over /usr by now
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	_, version, _ := strings.Cut(line, "Version ")
	return version
}

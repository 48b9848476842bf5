// SPDX-License-Identifier: GPL-3.0-or-later

// Bench measures what it costs an agent to go through the daemon: against no
// proxy at all, and against Debian's squid-openssl with intercept, peek and
// splice, all in turn in one run, as ratios. It needs root, and works in network
// namespaces of its own. Without a squid to be found that column is empty:
//
//	go run ./netfilter/bench -squid "$(netfilter/bench/squid)"
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter/proxy"
)

const (
	directUID = 61002
	agentUID  = 61001
	squidUID  = 61004
	site      = "site.example"
	siteAddr  = "93.184.0.10"
	dnsAddr   = "8.8.8.8"
)

// A way is one of the columns.
type way struct {
	name string
	uid  uint32
	pids func() []int // of the proxy
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "daemon":
			os.Exit(proxy.Main(os.Args[2:]))
		case "internet":
			exitOn(serveInternet(os.Args[2]))
		case "client":
			exitOn(client(os.Args[2], os.Args[3]))
		}
	}
	rounds := flag.Int("rounds", 5, "how often each is measured; the median counts")
	squid := flag.String("squid", "", "folder with Debian's squid-openssl unpacked")
	flag.Parse()
	if os.Getenv("AU_BENCH") == "" {
		exitOn(reexec())
	}
	exitOn(bench(*rounds, *squid))
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

func bench(rounds int, squid string) error {
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
	if err := s.internet(); err != nil {
		return err
	}
	ways := []way{{name: "direct", uid: directUID}}
	pid, err := s.daemon()
	if err != nil {
		return err
	}
	ways = append(ways, way{"au", agentUID, func() []int { return []int{pid} }})
	if squid != "" {
		pid, err := s.squid(squid)
		if err != nil {
			return err
		}
		ways = append(ways, way{"squid", squidUID, func() []int { return family(pid) }})
	}
	results, err := s.measure(ways, rounds)
	if err != nil {
		return err
	}
	report(os.Stdout, ways, results)
	return nil
}

// rows are what is measured; better says which way is good.
var rows = []struct{ key, title, better string }{
	{"tls_new", "new TLS connection, p50, µs", "less"},
	{"tls_parallel", "new TLS, 8 in parallel, requests/s", "more"},
	{"tls_bulk", "TLS bulk, 1 stream, MB/s", "more"},
	{"http_new", "new HTTP connection, p50, µs", "less"},
	{"http_keep", "HTTP kept alive, requests/s", "more"},
	{"http_bulk", "HTTP bulk, 1 stream, MB/s", "more"},
	{"memory", "proxy's resident memory at its highest, MB", "less"},
}

// measure runs every row for every way in turn, rounds times, and returns the
// medians.
func (s *setup) measure(ways []way, rounds int) (map[string]map[string]float64, error) {
	all := map[string]map[string][]float64{}
	for round := range rounds {
		for _, row := range rows[:len(rows)-1] {
			for i := range ways {
				w := ways[(i+round)%len(ways)]
				value, err := s.once(w, row.key)
				if err != nil {
					return nil, fmt.Errorf("%s by %s: %w", row.key, w.name, err)
				}
				if all[row.key] == nil {
					all[row.key] = map[string][]float64{}
				}
				all[row.key][w.name] = append(all[row.key][w.name], value)
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
	}
	medians := map[string]map[string]float64{"memory": {}}
	for key, byWay := range all {
		medians[key] = map[string]float64{}
		for name, values := range byWay {
			slices.Sort(values)
			medians[key][name] = values[len(values)/2]
		}
	}
	for _, w := range ways {
		if w.pids != nil {
			medians["memory"][w.name] = memory(w.pids())
		}
	}
	return medians, nil
}

func (s *setup) once(w way, key string) (float64, error) {
	cmd := exec.Command(s.program, "client", key, filepath.Join(s.dir, "ca.pem"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: w.uid, Gid: w.uid}}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	var value float64
	return value, json.Unmarshal(out, &value)
}

func report(out io.Writer, ways []way, results map[string]map[string]float64) {
	fmt.Fprintf(out, "| |")
	for _, w := range ways {
		fmt.Fprintf(out, " %s |", w.name)
	}
	fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("---|", len(ways)))
	for _, row := range rows {
		fmt.Fprintf(out, "| %s (%s is better) |", row.title, row.better)
		for _, w := range ways {
			value, ok := results[row.key][w.name]
			direct := results[row.key]["direct"]
			switch {
			case !ok:
				fmt.Fprint(out, " |")
			case direct == 0 || w.name == "direct":
				fmt.Fprintf(out, " %.0f |", value)
			default:
				fmt.Fprintf(out, " %.0f (×%.2f) |", value, value/direct)
			}
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "\nClient, server and proxy share %d CPUs; medians, in turn; %s.\n", runtime.NumCPU(), time.Now().Format("2006-01-02"))
}

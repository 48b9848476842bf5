// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A way is how a client's connections go.
type way struct {
	name string
	uid  uint32
	pids func() []int // of the proxy; nil where there is none

	ask   io.Writer
	reply io.Reader
}

// A row is one line of the table. Part is how the samples of a slice become one
// number, better whether more is.
type row struct {
	key, title string
	part       func([]float64) float64
	more       bool
}

var rows = []row{
	{"tls_new", "new TLS connection, median", quantile(0.5), false},
	{"tls_new", "new TLS connection, 95th percentile", quantile(0.95), false},
	{"tls_parallel", "new TLS connections, 8 in parallel, rate", quantile(0.5), true},
	{"tls_bulk", "TLS, 1 stream, throughput", quantile(0.5), true},
	{"tls_upload", "TLS upload, 1 stream, throughput", quantile(0.5), true},
	{"http_new", "new HTTP connection, median", quantile(0.5), false},
	{"http_new", "new HTTP connection, 95th percentile", quantile(0.95), false},
	{"http_keep", "HTTP requests on one connection, rate", quantile(0.5), true},
	{"http_bulk", "HTTP, 1 stream, throughput", quantile(0.5), true},
}

const memoryTitle = "memory, resident at its highest"

func quantile(q float64) func([]float64) float64 {
	return func(v []float64) float64 {
		v = slices.Sorted(slices.Values(v))
		return v[min(len(v)-1, int(q*float64(len(v))))]
	}
}

// results holds a slice of samples a key, way and round.
type results struct {
	ways    []*way
	rounds  int
	samples map[string]map[string][][]float64
	cpu     map[string]map[string]time.Duration // what the proxies used
	memory  map[string]float64                  // MB
}

// measure has every way do every row for a moment, in turn, rounds times; the
// first of each is a warm-up.
func measure(ways []*way, rounds int, only string) (*results, error) {
	r := &results{ways: ways, rounds: rounds, samples: map[string]map[string][][]float64{}, cpu: map[string]map[string]time.Duration{}, memory: map[string]float64{}}
	for round := range rounds + 1 {
		done := ""
		for _, row := range rows {
			if row.key == done || only != "" && !strings.Contains(only, row.key) {
				continue
			}
			done = row.key
			for i := range ways {
				w := ways[(i+round)%len(ways)]
				if err := r.slice(w, row.key, round == 0); err != nil {
					return nil, fmt.Errorf("%s by %s: %w", row.key, w.name, err)
				}
			}
		}
	}
	for _, w := range ways {
		if w.pids != nil {
			r.memory[w.name] = memory(w.pids())
		}
	}
	return r, nil
}

func (r *results) slice(w *way, key string, warmUp bool) error {
	before := w.used()
	v, err := w.measure(key)
	if err != nil || warmUp {
		return err
	}
	if r.samples[key] == nil {
		r.samples[key], r.cpu[key] = map[string][][]float64{}, map[string]time.Duration{}
	}
	r.samples[key][w.name] = append(r.samples[key][w.name], v)
	r.cpu[key][w.name] += w.used() - before
	return nil
}

// A ratio is how much better one way is than another: the median over the rounds,
// each of which compares what was measured within a second, and between what the
// median lies with 95 % confidence.
type ratio struct{ median, low, high float64 }

func (r *results) ratio(row row, way, against string) (ratio, bool) {
	a, b := r.samples[row.key][way], r.samples[row.key][against]
	if len(a) == 0 || len(b) == 0 {
		return ratio{}, false
	}
	all := make([]float64, len(a))
	for i := range a {
		all[i] = row.part(a[i]) / row.part(b[i])
		if !row.more {
			all[i] = 1 / all[i]
		}
	}
	slices.Sort(all)
	n := float64(len(all))
	off := int(math.Ceil(0.98 * math.Sqrt(n))) // of the binomial distribution that the median's rank has
	mid := len(all) / 2
	return ratio{all[mid], all[max(0, mid-off)], all[min(len(all)-1, mid+off)]}, true
}

// report prints the table. Higher is better in all of it.
func (r *results) report(out io.Writer, squid string) {
	fmt.Fprintln(out, "| | au, of direct | squid, of direct | au, of squid |\n|---|---|---|---|")
	for _, row := range rows {
		if r.samples[row.key] == nil {
			continue
		}
		fmt.Fprintf(out, "| %s |", row.title)
		for _, c := range [][2]string{{"au", "direct"}, {"squid", "direct"}, {"au", "squid"}} {
			x, ok := r.ratio(row, c[0], c[1])
			switch {
			case !ok:
				fmt.Fprint(out, " |")
			case c[1] == "direct":
				fmt.Fprintf(out, " ×%.2f |", x.median)
			default:
				word := ""
				if x.median < 1 {
					word = ", not reached"
				}
				fmt.Fprintf(out, " **×%.2f** (%.2f–%.2f)%s |", x.median, x.low, x.high, word)
			}
		}
		fmt.Fprintln(out)
	}
	if r.memory["squid"] > 0 {
		fmt.Fprintf(out, "| %s | | | **×%.2f** |\n", memoryTitle, r.memory["squid"]/r.memory["au"])
	}
	fmt.Fprintf(out, "\nTimes as good (×2: twice the rate, half the time, half the memory). Client, server and proxy share %d CPUs; %s turns each, compared\n"+
		"turn by turn: the median, and its 95 %% confidence interval in brackets. Linux %s, %s, squid %s, %s.\n",
		runtime.NumCPU(), fmt.Sprint(r.rounds), kernelVersion(), runtime.Version(), squid, time.Now().Format("2006-01-02"))
}

// against prints how au compares with the way of that name.
func (r *results) against(out io.Writer, name string) {
	for _, row := range rows {
		if x, ok := r.ratio(row, "au", name); ok {
			fmt.Fprintf(out, "%-42s au, of %s ×%.3f (%.3f–%.3f)\n", row.title, name, x.median, x.low, x.high)
		}
	}
}

// raw prints medians and the proxies' CPU time.
func (r *results) raw(out io.Writer) {
	for _, row := range rows {
		for _, w := range r.ways {
			var all []float64
			for _, v := range r.samples[row.key][w.name] {
				all = append(all, row.part(v))
			}
			if len(all) > 0 {
				fmt.Fprintf(out, "%-42s %-7s %10.0f  proxy's CPU %v\n", row.title, w.name, quantile(0.5)(all), r.cpu[row.key][w.name].Round(time.Millisecond))
			}
		}
	}
	fmt.Fprintln(out, memoryTitle, r.memory)
}

func kernelVersion() string {
	out, err := exec.Command("uname", "-r").Output()
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(out))
}

// used returns the CPU time that the way's proxy has used.
func (w *way) used() (sum time.Duration) {
	if w.pids == nil {
		return 0
	}
	for _, pid := range w.pids() {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			continue
		}
		for _, task := range tasks {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, task.Name()))
			if err != nil {
				continue
			}
			var ns time.Duration
			if _, err := fmt.Sscan(string(text), &ns); err == nil {
				sum += ns
			}
		}
	}
	return sum
}

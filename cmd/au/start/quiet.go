// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// ReportTime is how long a report looks at the shares of a run, all together: it must not keep the human waiting.
const ReportTime = time.Second

// afterwards is what Quiet reads of a run that has ended: the words of after.
type afterwards struct {
	config        string
	since, booted int64
	shares        []config.Path
}

// Quiet looks at the shares of a run that has ended, as the complete program would: args are those that after returned, without the
// program, and uid is the human's. ok is false where there is something to say. Then nothing has been remembered: the complete
// program does that, by what was found. Without found it has to look itself. status is the run's.
func (m Machine) Quiet(args []string, uid int) (status int, found []*inspect.Looked, ok bool) {
	status, err := strconv.Atoi(os.Getenv("AU_STATUS"))
	if err != nil || status < 0 || status > 125 {
		return status, nil, false
	}
	for _, name := range []string{"AU_KILLS", "AU_SIGNAL", "AU_SERVER"} {
		if os.Getenv(name) != "0" {
			return status, nil, false
		}
	}
	run, ok := readAfter(args)
	if !ok {
		return status, nil, false
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || !share.AreLocal(mounts, run.shares) {
		return status, nil, false
	}
	human, err := m.Human(uid)
	if err != nil {
		return status, nil, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	own := func(path string) (*config.Own, error) { return m.Own(path, human) }
	records := make([]inspect.Record, len(run.shares))
	found, ok = make([]*inspect.Looked, len(run.shares)), true
	for l := range inspect.All(ctx, uid, ReportTime, run.shares) {
		records[l.Folder], found[l.Folder] = inspect.ReadRecord(own, run.config, string(run.shares[l.Folder])), l
		news := records[l.Folder].Changed(l.Result, inspect.Began(run.since, run.booted))
		ok = ok && l.Err == "" && l.Whole && len(news) == 0
	}
	if !ok {
		return status, found, false
	}
	for i, record := range records {
		record.Keep(found[i].Result)
	}
	return status, nil, true
}

// readAfter reads the words of after, where all that they ask for is a look at shares.
func readAfter(args []string) (e afterwards, ok bool) {
	var list string
	numbers := map[string]*int64{"--since": &e.since, "--booted": &e.booted}
	for len(args) > 0 {
		switch name := args[0]; {
		case strings.HasPrefix(name, "--command="), strings.HasPrefix(name, "--path="):
			args = args[1:]
			continue
		case len(args) == 1:
			return e, false
		case name == "--agent", name == "--unit":
		case name == "--config":
			e.config = args[1]
		case name == "--shares":
			list = args[1]
		case numbers[name] != nil:
			n, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return e, false
			}
			*numbers[name] = n
		default:
			return e, false
		}
		args = args[2:]
	}
	return e, e.config != "" && json.Unmarshal([]byte(list), &e.shares) == nil
}

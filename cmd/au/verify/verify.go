// SPDX-License-Identifier: GPL-3.0-or-later

// Package verify attacks the isolation of an agent from inside of a run, and says what each call did just now. It is harmless: what
// succeeds against a wall changes nothing that outlives the run.
package verify

import (
	"fmt"
	"slices"
	"strings"
)

// State is what became of a probe.
type State string

// A promise holds, or is open; the human may have given it up by a switch of `au new --unlock`, or this machine lacks what it
// takes; or it could not be tried here.
const (
	Holds    State = "holds"
	Open     State = "open"
	Unlocked State = "unlocked"
	Lacking  State = "lacking"
	Untried  State = "untried"
)

// Result is a probe that was tried.
type Result struct {
	ID      string `json:"id"`
	Promise string `json:"promise"`
	State   State  `json:"state"`
	Said    string `json:"said"` // what the call did
}

// probe is one promise, and the attack on it. Unlock are the switches that give it up.
type probe struct {
	id, promise, unlock string
	try                 func(Bait) (open []string, untried string) // open says what succeeded
}

// probes are all that are tried in a run, in this order: what may change the rights of the process itself comes last.
var probes = []probe{
	{"human-files", "The agent does not see what is in the human's home and is not shared.", "", tryHumanFiles},
	{"other-homes", "The agent sees nothing of other homes.", "", tryOtherHomes},
	{"temporary-files", "The agent does not see what others have in /tmp, /var/tmp and /dev/shm.", "", tryTemporary},
	{"processes", "The agent sees no process but those of its run.", "", tryProcesses},
	{"terminal", "The agent types into no terminal.", "", tryTerminal},
	{"sockets", "The agent reaches no socket that works for others.", "setuid docker nix resolver sysbus services", trySockets},
	{"abstract-sockets", "The agent reaches no abstract socket of others.", "", tryAbstract},
	{"memory-shared", "The agent sees no System V memory of others.", "", tryShared},
	{"localhost", "A restricted agent reaches no server that its human runs on this machine.", "", tryLocal},
	{"families", "The agent has no sockets for the kernel's own services (AF_ALG, AF_VSOCK, IPsec).", "", tryFamilies},
	{"keyrings", "The agent reaches no keyring that outlives its run.", "", tryKeyrings},
	{"devices", "The agent sees only the devices of every run.", "devices", tryDevices},
	{"cgroup", "The agent is in its cgroup, and can neither leave it nor change its limits.", "", tryCgroup},
	{"policy", "The agent can change neither its policy nor its entrypoint, and starts no run of its own.", "", tryPolicy},
	{"set-id-files", "The agent makes no set-uid file.", "", trySetID},
	{"share-edges", "The agent gets out of no share, by a link or by .. .", "", tryEdges},
	{"share-read-only", "The agent cannot change a share that is read-only.", "", tryReadOnly},
	{"share-writes", "The agent writes into a share for writing.", "", tryWrites},
	{"own-home", "The agent writes into its own home, and into what its human made there.", "", tryHome},
	{"user-namespaces", "The agent makes no user namespace.", "userns", tryNamespace},
	{"set-uid-programs", "Set-uid programs give the agent nothing.", "setuid", trySetUID},
	{"powers", "The agent can mount nothing, make no device, and change neither root folder nor host name.", "", tryPowers},
	{"identity", "The agent cannot become another user.", "", tryIdentity},
}

// Inside tries all of them as whoever runs it.
func Inside(b Bait) (all []Result) {
	for _, p := range probes {
		open, untried := p.try(b)
		all = append(all, p.result(b, open, untried))
	}
	return all
}

func (p probe) result(b Bait, open []string, untried string) Result {
	r := Result{ID: p.id, Promise: p.promise, State: Holds, Said: "held"}
	given := slices.IndexFunc(b.Allow, func(word string) bool { return slices.Contains(strings.Fields(p.unlock), word) })
	switch lacks := b.Lacks[p.id]; {
	case len(open) > 0 && given >= 0:
		r.State, r.Said = Unlocked, fmt.Sprintf("%s; --unlock %s gives that up", few(open), b.Allow[given])
	case len(open) > 0 && lacks != "":
		r.State, r.Said = Lacking, fmt.Sprintf("%s; %s", few(open), lacks)
	case len(open) > 0:
		r.State, r.Said = Open, few(open)
	case untried != "":
		r.State, r.Said = Untried, untried
	}
	return r
}

// few joins the first of what succeeded.
func few(all []string) string {
	const most = 3
	text := ""
	for i, one := range all {
		switch {
		case i == most:
			return text + fmt.Sprintf(", and %d more", len(all)-most)
		case i > 0:
			text += ", "
		}
		text += one
	}
	return text
}

// Bait is what there is for the agent to reach, made by the human for the time of the probes, and what the machine has.
type Bait struct {
	Agent      string
	UID, Human uint32
	Allow      []string          // switches of the policy
	Lacks      map[string]string // by probe: what the machine lacks for it
	Entrypoint string
	Policy     string
	OwnHome    string
	Chage      string // the program chage(1), which is set-id; empty: there is none

	Secrets   []string // files of the human, and names in their home that no share leads to
	Homes     []string // of others
	Temporary []string // the human's, in folders for temporary files
	Sockets   []string // on which somebody listens
	Abstract  string   // the human listens there
	Local     []string // where the human serves on the loopback, and no rule lets the agent in: "tcp 127.0.0.1:PORT" and the like
	SharedKey int      // of System V memory
	Slice     string   // of the agent; empty: no systemd
	Share     string   // for writing; beside it is a secret, and in it a link there. Empty: no share could be tried
	ReadOnly  string
	HomeFile  string // the human's, in the agent's home; empty: it could not be made
}

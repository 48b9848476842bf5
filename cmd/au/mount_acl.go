// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// aclGivesLess is what a share through ACLs is not.
const aclGivesLess = `Through ACLs, so: what the agent makes there belongs to the agent; what either side makes closed (0600, 0700), renames into place or moves in from elsewhere
stays closed to the other; 0600 files now show as 0660, and ssh and the like refuse such files; git says "dubious ownership" about what the other side owns.
`

// aclRecord returns where it stands what a share's files had before, beside the human's config.
func aclRecord(config, agent, source string) string {
	sum := sha256.Sum256([]byte(source))
	return filepath.Join(provision.ACLRecords(config), agent+"-"+hex.EncodeToString(sum[:8]))
}

// aclWords are the arguments of the `au files` command for a share.
func (a *app) aclWords(verb string, human provision.User, agent csrc.Policy, m config.Mount) ([]string, error) {
	self, err := a.host.OwnPath()
	words := []string{self, "files", verb, "--agent-uid", num(agent.UID), "--record", aclRecord(a.configPath(human), agent.Name, m.Source)}
	if !m.ReadOnly {
		words = append(words, "--rw")
	}
	return append(words, m.Source), err
}

func num(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// grantACL lets the agent into every file of the folder, as the human and with their authority alone.
func (a *app) grantACL(ctx context.Context, r *step.Runner, s sharing, m config.Mount) error {
	do, err := a.aclWords("grant", s.human, s.agent, m)
	if err != nil {
		return err
	}
	undo, err := a.aclWords("restore", s.human, s.agent, m)
	if err != nil {
		return err
	}
	perm := "rwX"
	if m.ReadOnly {
		perm = "rX"
	}
	grant := step.Step{Do: step.Human(do...), Undo: step.Undo(step.Human(undo...))}
	grant.Do.Note = fmt.Sprintf("much as: setfacl --recursive --physical --modify u:%d:%s,d:u:%d:%s,d:u:%d:rwX %s", s.agent.UID, perm, s.agent.UID, perm, s.human.UID, quote.Word(m.Source))
	if err := r.Apply(ctx, []step.Step{grant}); err != nil {
		r.Run(grant.Undo[0])
		return fmt.Errorf("share %q: %w", m.Source, err)
	}
	return nil
}

// revokeACL undoes grantACL, also where the agent owns files by now: those become the human's first, by root's word.
func (a *app) revokeACL(ctx context.Context, r *step.Runner, human provision.User, agent csrc.Policy, m config.Mount) error {
	if start.Vanished(m.Source) {
		if !r.DryRun {
			os.Remove(aclRecord(a.configPath(human), agent.Name, m.Source))
		}
		return nil
	}
	owners, err := owners(m.Source, human.UID)
	if err != nil {
		return err
	}
	if owners[agent.UID] > 0 || owners[nobodyKnows] > 0 && !m.ReadOnly {
		if err := a.giveBack(ctx, r, m.Source, agent.UID, human); err != nil {
			return err
		}
	}
	words, err := a.aclWords("restore", human, agent, m)
	if err != nil {
		return err
	}
	return r.Apply(ctx, []step.Step{{Do: asHuman(a.host, human, words...)}})
}

// asHuman is a command that the human runs, also where au is root.
func asHuman(h *host.Host, human provision.User, argv ...string) step.Command {
	if h.UID() == 0 {
		return step.Root(append([]string{"runuser", "-u", human.Name, "--"}, argv...)...)
	}
	return step.Human(argv...)
}

// endShares undoes what shares have left in the human's folders, before their agent and with it its uid is gone. It goes on past what cannot be undone.
func (a *app) endShares(ctx context.Context, r *step.Runner, human provision.User, agent csrc.Policy, entry *config.Agent) {
	if entry == nil {
		return
	}
	for _, m := range entry.Mounts {
		if !m.ACL {
			continue
		}
		if err := a.revokeACL(ctx, r, human, agent, m); err != nil {
			fmt.Fprintf(a.err, "au: share %s: its ACLs still name uid %d: %v\n", show(m.Source), agent.UID, err)
		}
	}
}

// filesCmd is the half of `au mount` that changes files in a share; each is printed as it runs.
type filesCmd struct {
	Grant    filesGrantCmd    `cmd:"" help:"Let an agent into every file of a folder."`
	Restore  filesRestoreCmd  `cmd:"" help:"Undo what grant did."`
	GiveBack filesGiveBackCmd `cmd:"" help:"As root: make what an agent owns in a folder its human's."`
	TakeBack filesTakeBackCmd `cmd:"" help:"As root: undo what agent-as-unix-user's shares are made of."`
	TakeOver filesTakeOverCmd `cmd:"" help:"As root: make what nobody owns in a home an agent's."`
	Remove   filesRemoveCmd   `cmd:"" help:"As root: remove a folder of an agent's with all that is in it."`
	Clear    filesClearCmd    `cmd:"" help:"As root: remove an agent's files from folders of many."`
	Disarm   filesDisarmCmd   `cmd:"" help:"As root: remove set-id programs of root's that an agent's group may run."`
	Deny     filesDenyCmd     `cmd:"" help:"As root: put a name into a file such as /etc/cron.deny, where that is there."`
	Undeny   filesUndenyCmd   `cmd:"" help:"As root: take it out again."`
}

type aclFlags struct {
	AgentUID uint32 `name:"agent-uid" required:""`
	RW       bool   `name:"rw"`
	Record   string `required:"" help:"Keeps what had an ACL before."`
	Source   string `arg:""`
}

type filesGrantCmd struct{ aclFlags }

type filesRestoreCmd struct{ aclFlags }

// visitACLs calls change for each file and folder of the caller's below source. other counts what is somebody else's.
func (f aclFlags) visitACLs(a *app, change func(e step.TreeEntry, fd int, st unix.Stat_t) error) (mine, others int, err error) {
	tree, err := step.OpenTree(f.Source, false)
	if err != nil {
		return 0, 0, err
	}
	defer tree.Close()
	defer watchWalk(a.err, f.Source, tree)()
	me := uint32(os.Geteuid())
	var mu sync.Mutex
	err = tree.Walk(context.Background(), func(e step.TreeEntry) error {
		if kind := e.Stat.Mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFREG {
			return nil
		}
		fd, err := step.OpenForACL(e.Dir, e.Name)
		if err != nil {
			return nil // gone meanwhile, or another kind of file by now
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		count := &mine
		if st.Uid != me {
			count = &others
		}
		mu.Lock()
		*count++
		mu.Unlock()
		if st.Uid != me || st.Mode&unix.S_IFMT != e.Stat.Mode&unix.S_IFMT {
			return nil
		}
		if err := change(e, fd, st); err != nil {
			return fmt.Errorf("ACL of %s: %w", quote.Name(f.Source+"/"+e.Path()), err)
		}
		return nil
	}, func(path string, err error) {
		mu.Lock()
		defer mu.Unlock()
		others++
	})
	return mine, others, err
}

func (f aclFlags) share() share.ACLShare {
	return share.ACLShare{Agent: f.AgentUID, Human: uint32(os.Geteuid()), Writable: f.RW}
}

func (c *filesGrantCmd) Run(a *app) error {
	if err := c.save(a); err != nil {
		return err
	}
	by := c.share()
	mine, others, err := c.visitACLs(a, func(_ step.TreeEntry, fd int, st unix.Stat_t) error {
		access, def, _, err := host.FileACLs(fd, st)
		if err != nil {
			return err
		}
		folder := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if err := step.WriteXattr(fd, share.ACLAccess, by.Access(access, folder).Value()); err != nil || !folder {
			return err
		}
		return step.WriteXattr(fd, share.ACLDefault, by.Default(def, access).Value())
	})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("%w: this file system has no ACLs, so nothing can be shared from it", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "# the ACLs of %d files and folders name uid %d now", mine, c.AgentUID)
	if others > 0 {
		fmt.Fprintf(a.out, "; %d that are not yours are as they were", others)
	}
	fmt.Fprintln(a.out)
	return nil
}

// save writes down what has an ACL already, before anything changes. What an earlier attempt wrote down stays.
func (f aclFlags) save(a *app) error {
	saved, err := f.saved(a.host)
	if err != nil {
		return err
	}
	record, err := f.record(a.host)
	if err != nil {
		return err
	}
	defer record.Close()
	text, err := record.Read(maxRecord)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	_, _, err = f.visitACLs(a, func(e step.TreeEntry, fd int, st unix.Stat_t) error {
		access, def, kept, err := host.FileACLs(fd, st)
		mine := func(e share.ACLEntry) bool { return e.Tag == share.ACLUser && e.ID == f.AgentUID }
		if err != nil || !kept || slices.ContainsFunc(access, mine) || slices.ContainsFunc(def, mine) {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if _, ok := saved[[2]uint64{uint64(st.Dev), st.Ino}]; !ok {
			text = append(text, share.SavedACL{Path: e.Path(), Dev: uint64(st.Dev), Ino: st.Ino, Access: access, Default: def}.Text()...)
		}
		return nil
	})
	if err != nil || len(text) == 0 {
		return err
	}
	if err := record.MakeFolders(); err != nil {
		return err
	}
	return record.Replace(text)
}

// maxRecord is more than the ACLs of a million files take.
const maxRecord = 1 << 30

// record is the file that says what had an ACL before: whoever could write it would say what becomes of the human's files.
func (f aclFlags) record(h *host.Host) (*config.Own, error) {
	human, err := h.ForRun().Human(h.UID())
	if err != nil {
		return nil, err
	}
	return h.ForRun().Own(f.Record, human)
}

// saved reads what save wrote, by device and inode.
func (f aclFlags) saved(h *host.Host) (map[[2]uint64]share.SavedACL, error) {
	byInode := map[[2]uint64]share.SavedACL{}
	record, err := f.record(h)
	if err != nil {
		return nil, err
	}
	defer record.Close()
	text, err := record.Read(maxRecord)
	if err != nil {
		return nil, err
	}
	all, err := share.ParseSavedACLs(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Record, err)
	}
	for _, s := range all {
		byInode[[2]uint64{s.Dev, s.Ino}] = s
	}
	return byInode, nil
}

func (c *filesRestoreCmd) Run(a *app) error {
	saved, err := c.saved(a.host)
	if err != nil {
		return err
	}
	by := c.share()
	_, others, err := c.visitACLs(a, func(_ step.TreeEntry, fd int, st unix.Stat_t) error {
		access, def, kept, err := host.FileACLs(fd, st)
		if err != nil || !kept {
			return err
		}
		var before *share.SavedACL
		if s, ok := saved[[2]uint64{uint64(st.Dev), st.Ino}]; ok {
			before = &s
		}
		folder := st.Mode&unix.S_IFMT == unix.S_IFDIR
		wantAccess, wantDef := by.Before(access, def, folder, before)
		if !slices.Equal(access, wantAccess) {
			if err := step.WriteXattr(fd, share.ACLAccess, wantAccess.Value()); err != nil {
				return err
			}
		}
		if !folder || slices.Equal(def, wantDef) {
			return nil
		}
		var value []byte
		if wantDef != nil {
			value = wantDef.Value()
		}
		return step.WriteXattr(fd, share.ACLDefault, value)
	})
	if err != nil {
		return err
	}
	if others > 0 {
		fmt.Fprintf(a.out, "# %d that are not yours are as they were\n", others)
	}
	if err := os.Remove(c.Record); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	os.Remove(filepath.Dir(c.Record)) // stays while another share has one
	return nil
}

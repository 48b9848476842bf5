// SPDX-License-Identifier: GPL-3.0-or-later

package verify

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/a4u2/au/internal/bounded"
	"golang.org/x/sys/unix"
)

// Trap is the bait with what takes it away again.
type Trap struct {
	Bait
	undo []func()
}

// Lay makes the bait, as the human: a folder with shares in their home, and files, sockets and memory where others may look for
// them. A bait that cannot be made is left out.
func Lay(b Bait, home string, shared []string) *Trap {
	t := &Trap{Bait: b}
	t.listHome(home, shared)
	t.makeShares(home)
	for _, folder := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		t.file(folder, &t.Temporary)
	}
	t.listen(fmt.Sprintf("/run/user/%d/au-verify-%d", os.Getuid(), os.Getpid()))
	t.Abstract = fmt.Sprintf("@au-verify-%d", os.Getpid())
	t.listen(t.Abstract)
	t.shareMemory()
	t.writeInHome()
	return t
}

// TakeAway removes all that Lay has made, and what the agent made in it.
func (t *Trap) TakeAway() {
	for _, undo := range slices.Backward(t.undo) {
		undo()
	}
}

// listHome notes what is in the human's home, but for what leads to a share.
func (t *Trap) listHome(home string, shared []string) {
	entries, _ := os.ReadDir(home)
	for _, e := range entries {
		path := filepath.Join(home, e.Name())
		if !leads(path, shared) {
			t.Secrets = append(t.Secrets, path)
		}
	}
}

// leads reports whether a path is one of the shares, or on the way to one.
func leads(path string, shared []string) bool {
	for _, share := range shared {
		if share == path || strings.HasPrefix(share, path+"/") || strings.HasPrefix(path, share+"/") {
			return true
		}
	}
	return false
}

// baitName is the folder of the shares in the human's home, and, empty, in the agent's own, which Leave takes away. It is always
// the same: au remembers shares by their paths.
const baitName = ".au-verify"

// Leave is a command that takes away, as the agent, what a run with the shares has left in its home, and exits with that status.
func Leave(home string, status int) string {
	folder := home + "/" + baitName
	return fmt.Sprintf("rmdir %[1]s/* %[1]s 2>/dev/null; exit %[2]d", folder, status)
}

// makeShares makes a folder with a share for writing, one that is read-only, and a secret beside them. Two at a time have no place.
func (t *Trap) makeShares(home string) {
	folder := filepath.Join(home, baitName)
	_ = os.Mkdir(folder, 0o755)
	held, err := os.Open(folder)
	if err != nil {
		return
	}
	if unix.Flock(int(held.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		held.Close()
		return
	}
	share, readOnly, secret := folder+"/share", folder+"/read-only", folder+"/secret"
	t.undo = append(t.undo, func() {
		os.RemoveAll(folder)
		held.Close()
	})
	err = errors.Join(os.RemoveAll(share), os.RemoveAll(readOnly), os.RemoveAll(secret), os.Mkdir(share, 0o755), os.Mkdir(readOnly, 0o755),
		os.WriteFile(secret, []byte("secret\n"), 0o644), os.WriteFile(readOnly+"/file", nil, 0o666), os.Symlink("../secret", share+"/link"))
	if err == nil {
		t.Share, t.ReadOnly = share, readOnly
		t.Secrets = append(t.Secrets, secret)
	}
}

// CopyOf puts a copy of a program into the share that is read-only, and returns its path.
func (t *Trap) CopyOf(program string) (string, error) {
	from, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer from.Close()
	path := t.ReadOnly + "/au"
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	return path, errors.Join(err, to.Chmod(0o755), to.Close())
}

// removeIn removes a file in a folder, out of which no link leads.
func removeIn(folder, name string) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return
	}
	defer root.Close()
	_ = root.Remove(name)
}

// readIn reads a small file in a folder where the agent may have put something else in its place: a pipe, or a link to what is
// not its own.
func readIn(folder, name string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s/%s is no longer a regular file", folder, name), err)
	}
	return bounded.Read(file, 1<<10)
}

// file makes one of a random name, which it adds to the list.
func (t *Trap) file(folder string, to *[]string) {
	file, err := os.CreateTemp(folder, "au-verify-")
	if err != nil {
		return
	}
	_ = file.Chmod(0o644)
	file.Close()
	*to = append(*to, file.Name())
	t.undo = append(t.undo, func() { os.Remove(file.Name()) })
}

// listen listens at a socket for everybody.
func (t *Trap) listen(at string) {
	l, err := net.Listen("unix", at)
	if err != nil {
		return
	}
	t.undo = append(t.undo, func() { l.Close() })
	if at[0] == '/' {
		_ = os.Chmod(at, 0o666)
		t.Sockets = append(t.Sockets, at)
	}
}

// Serve answers on the loopback, over TCP and UDP, IPv4 and IPv6, where reaches does not say that a rule lets the agent in.
func (t *Trap) Serve(reaches func(at netip.AddrPort, udp bool) bool) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		if l, err := net.Listen("tcp", host); err == nil {
			t.undo = append(t.undo, func() { l.Close() })
			go greetTCP(l)
			t.serves("tcp", l.Addr(), reaches)
		}
		if c, err := net.ListenPacket("udp", host); err == nil {
			t.undo = append(t.undo, func() { c.Close() })
			go greetUDP(c)
			t.serves("udp", c.LocalAddr(), reaches)
		}
	}
}

func (t *Trap) serves(network string, at net.Addr, reaches func(netip.AddrPort, bool) bool) {
	if addr, err := netip.ParseAddrPort(at.String()); err == nil && !reaches(addr, network == "udp") {
		t.Local = append(t.Local, network+" "+addr.String())
	}
}

func greetTCP(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, greeting)
		conn.Close()
	}
}

func greetUDP(c net.PacketConn) {
	for {
		_, from, err := c.ReadFrom(make([]byte, 64))
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = c.WriteTo([]byte(greeting), from)
		}
	}
}

func (t *Trap) shareMemory() {
	key := 0x61750000 + os.Getpid()&0xffff
	id, err := unix.SysvShmGet(key, 4096, unix.IPC_CREAT|unix.IPC_EXCL|0o666)
	if err != nil {
		return
	}
	t.SharedKey = key
	t.undo = append(t.undo, func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) })
}

// writeInHome makes a file in the agent's home, as its human may.
func (t *Trap) writeInHome() {
	file, err := os.CreateTemp(t.OwnHome, "au-verify-")
	if err != nil {
		return
	}
	defer file.Close()
	t.HomeFile = file.Name()
	t.undo = append(t.undo, func() { removeIn(t.OwnHome, filepath.Base(t.HomeFile)) })
	// The file is of mode 0600 by then, and what the folder's default ACL gives is masked out.
	_ = file.Chmod(0o660)
	_, _ = file.WriteString("the human\n")
}

// AfterRun says what the human must still be able to do with what a run has left.
func (t *Trap) AfterRun(shared bool) []Result {
	all := []Result{Human("home-shared", "You and the agent edit each other's files in its home.", t.checkHome())}
	if shared {
		all = append(all, Human("share-yours", "A file that the agent makes in a share is yours.", t.checkShare()))
	}
	return all
}

// Human is a result about what must work for the human; err says why it does not.
func Human(id, promise string, err error) Result {
	if err != nil {
		return Result{id, promise, Open, err.Error()}
	}
	return Result{id, promise, Holds, "held"}
}

func (t *Trap) checkHome() error {
	if t.HomeFile == "" {
		return fmt.Errorf("no file could be made in %s", t.OwnHome)
	}
	text, err := readIn(t.OwnHome, filepath.Base(t.HomeFile))
	if err == nil && string(text) != "the human\nand the agent\n" {
		err = fmt.Errorf("%s has %q in it", t.HomeFile, text)
	}
	return err
}

func (t *Trap) checkShare() error {
	info, err := os.Lstat(t.Share + "/made")
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
		return fmt.Errorf("%s/made is not yours", t.Share)
	}
	_, err = readIn(t.Share, "made")
	return err
}

// CameBack says why the end of a command is not one with that status; nil where it is.
func CameBack(err error, status int) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errors.New("it came back as 0")
	case errors.As(err, &exit) && exit.ExitCode() == status:
		return nil
	}
	return err
}

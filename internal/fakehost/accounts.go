// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// account is a line of passwd(5).
type account struct {
	name     string
	uid, gid uint32
}

// team is a line of group(5).
type team struct {
	name    string
	gid     uint32
	members []string
}

// Database returns the lines of etc/passwd, etc/group or etc/shadow.
func (h *Host) Database(name string) []string {
	return strings.Split(strings.TrimSuffix(h.Text("/etc/"+name), "\n"), "\n")
}

// edit replaces the line of key by line: adds it where key is "", removes it where line is "".
func (h *Host) edit(database, key, line string) error {
	lines := h.Database(database)
	if key == "" {
		lines = append(lines, line)
	} else {
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, key+":") })
		if lines[i] = line; line == "" {
			lines = slices.Delete(lines, i, i+1)
		}
	}
	h.files["/etc/"+database].Text = strings.Join(lines, "\n") + "\n"
	return nil
}

func (h *Host) accounts() (all []account) {
	for _, line := range h.Database("passwd") {
		w := strings.Split(line, ":")
		all = append(all, account{w[0], number(w[2]), number(w[3])})
	}
	return all
}

func (h *Host) teams() (all []team) {
	for _, line := range h.Database("group") {
		w := strings.Split(line, ":")
		all = append(all, team{w[0], number(w[2]), strings.FieldsFunc(w[3], func(r rune) bool { return r == ',' })})
	}
	return all
}

// nobody is an id that nobody has.
const nobody = 1<<32 - 2

// number reads a decimal; what is none is nobody.
func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return nobody
	}
	return uint32(n)
}

func (h *Host) user(name string) (account, bool) {
	for _, a := range h.accounts() {
		if a.name == name {
			return a, true
		}
	}
	return account{}, false
}

func (h *Host) group(name string) (team, bool) {
	for _, g := range h.teams() {
		if g.name == name {
			return g, true
		}
	}
	return team{}, false
}

// write puts a group's line in place of the old one.
func (h *Host) write(g team) error {
	return h.edit("group", g.name, fmt.Sprintf("%s:x:%d:%s", g.name, g.gid, strings.Join(g.members, ",")))
}

// getent DATABASE [KEY]…
func (c *call) getent() error {
	words, err := c.args.operands(1, 0)
	if err != nil {
		return err
	}
	if words[0] == "initgroups" && len(words) == 2 {
		return c.initgroups(words[1])
	}
	if words[0] != "passwd" && words[0] != "group" {
		return fail(1, "Unknown database: %s", words[0])
	}
	keys := words[1:]
	found := map[string]bool{}
	for _, line := range c.Database(words[0]) {
		w := strings.Split(line, ":")
		for _, key := range keys { // one of digits is an id
			if number(key) == nobody && key == w[0] || number(key) != nobody && key == w[2] {
				fmt.Fprintln(c.out, line)
				found[key] = true
			}
		}
		if len(keys) == 0 {
			fmt.Fprintln(c.out, line)
		}
	}
	if slices.ContainsFunc(keys, func(k string) bool { return !found[k] }) {
		return fail(2, "")
	}
	return nil
}

// initgroups prints what getent initgroups NAME does: the groups that the user is in by name.
func (c *call) initgroups(name string) error {
	fmt.Fprintf(c.out, "%-21s", name)
	for _, g := range c.teams() {
		if slices.Contains(g.members, name) {
			fmt.Fprintf(c.out, " %d", g.gid)
		}
	}
	fmt.Fprintln(c.out)
	return nil
}

// groupadd --gid GID NAME
func (c *call) groupadd() error {
	gid := c.args.value("--gid")
	name, err := c.args.operand()
	if err != nil {
		return err
	}
	for _, g := range c.teams() {
		switch {
		case g.name == name:
			return fail(9, "group '%s' already exists", name)
		case g.gid == number(gid):
			return fail(4, "GID '%s' already exists", gid)
		}
	}
	return c.edit("group", "", fmt.Sprintf("%s:x:%d:", name, number(gid)))
}

// groupdel NAME
func (c *call) groupdel() error {
	name, err := c.args.operand()
	if err != nil {
		return err
	}
	g, ok := c.group(name)
	if !ok {
		return fail(6, "group '%s' does not exist", name)
	}
	for _, u := range c.accounts() {
		if u.gid == g.gid {
			return fail(8, "cannot remove the primary group of user '%s'", u.name)
		}
	}
	return c.edit("group", name, "")
}

// usermod --append --groups GROUP NAME; usermod --shell SHELL NAME; usermod --expiredate DAY NAME
func (c *call) usermod() error {
	if shell, day := c.args.value("--shell"), c.args.value("--expiredate"); shell != "" || day != "" {
		return c.change(map[string]map[int]string{"passwd": {6: shell}, "shadow": {7: day}})
	}
	if !c.args.flag("--append") {
		return fail(2, "want --append")
	}
	group := c.args.value("--groups")
	name, err := c.args.operand()
	if err != nil {
		return err
	}
	if _, ok := c.user(name); !ok {
		return fail(6, "user '%s' does not exist", name)
	}
	g, ok := c.group(group)
	if !ok {
		return fail(6, "group '%s' does not exist", group)
	}
	if !slices.Contains(g.members, name) {
		g.members = append(g.members, name)
	}
	return c.write(g)
}

// change sets fields of the lines that the only operand has in databases; one that is empty stays.
func (c *call) change(databases map[string]map[int]string) error {
	name, err := c.args.operand()
	if err != nil {
		return err
	}
	for database, fields := range databases {
		i := slices.IndexFunc(c.Database(database), func(l string) bool { return strings.HasPrefix(l, name+":") })
		if i < 0 {
			return fail(6, "user '%s' does not exist", name)
		}
		w := strings.Split(c.Database(database)[i], ":")
		for field, value := range fields {
			if value != "" {
				w[field] = value
			}
		}
		if err := c.edit(database, name, strings.Join(w, ":")); err != nil {
			return err
		}
	}
	return nil
}

// entrypoint NAME --check: whether the account has expired, as the entrypoint that a human may run says
func (c *call) entrypoint() error {
	name, err := c.args.rest[0], error(nil)
	if !slices.Equal(c.args.rest[1:], []string{"--check"}) {
		return fail(125, "unexpected arguments %q", c.args.rest)
	}
	c.args.rest = nil
	for _, line := range c.Database("shadow") {
		if w := strings.Split(line, ":"); w[0] == name && w[7] != "1" {
			err = fail(1, "")
		}
	}
	return err
}

// loginctl disable-linger NAME
func (c *call) loginctl() error {
	words, err := c.args.operands(2, 2)
	if err == nil && words[0] == "disable-linger" {
		c.Remove("/var/lib/systemd/linger/" + words[1])
	}
	return err
}

// gpasswd --delete NAME GROUP
func (c *call) gpasswd() error {
	name := c.args.value("--delete")
	group, err := c.args.operand()
	if err != nil {
		return err
	}
	g, ok := c.group(group)
	if !ok || !slices.Contains(g.members, name) {
		return fail(3, "user '%s' is not a member of '%s'", name, group)
	}
	g.members = slices.DeleteFunc(g.members, func(m string) bool { return m == name })
	return c.write(g)
}

// useradd with every option that keeps it from choosing anything itself.
func (c *call) useradd() error {
	a := &c.args
	if a.flag("--system") {
		return c.addSystemUser()
	}
	uid, gid, comment, home, shell := a.value("--uid"), a.value("--gid"), a.value("--comment"), a.value("--home-dir"), a.value("--shell")
	bare := a.flag("--no-create-home") && a.value("--expiredate") == "1" && a.value("-K") == "SUB_UID_COUNT=0" && a.value("-K") == "SUB_GID_COUNT=0"
	name, err := a.operand()
	switch {
	case err != nil:
		return err
	case !bare:
		return fail(2, "want no home, no sub-ids, and an account that has expired")
	case !slices.ContainsFunc(c.teams(), func(g team) bool { return g.gid == number(gid) }):
		return fail(6, "group '%s' does not exist", gid)
	}
	for _, u := range c.accounts() {
		switch {
		case u.name == name:
			return fail(9, "user '%s' already exists", name)
		case u.uid == number(uid):
			return fail(4, "UID %s is not unique", uid)
		}
	}
	if err := c.edit("shadow", "", name+":!::::::1:"); err != nil {
		return err
	}
	return c.edit("passwd", "", strings.Join([]string{name, "x", uid, gid, comment, home, shell}, ":"))
}

// addSystemUser makes a user of a daemon, with a group of the same name and number.
func (c *call) addSystemUser() error {
	a := &c.args
	comment, home, shell := a.value("--comment"), a.value("--home-dir"), a.value("--shell")
	bare := a.flag("--user-group") && a.flag("--no-create-home")
	name, err := a.operand()
	if err != nil || !bare {
		return fail(2, "want --user-group --no-create-home NAME")
	}
	id := uint32(999)
	for slices.ContainsFunc(c.accounts(), func(u account) bool { return u.uid == id }) {
		id--
	}
	if err := c.edit("group", "", fmt.Sprintf("%s:x:%d:", name, id)); err != nil {
		return err
	}
	if err := c.edit("shadow", "", name+":!::::::"); err != nil {
		return err
	}
	return c.edit("passwd", "", fmt.Sprintf("%s:x:%d:%d:%s:%s:%s", name, id, id, comment, home, shell))
}

// userdel NAME; the group of the same name goes too where login.defs(5) says so, as Debian's does.
func (c *call) userdel() error {
	name, err := c.args.operand()
	if err != nil {
		return err
	}
	u, ok := c.user(name)
	if !ok {
		return fail(6, "user '%s' does not exist", name)
	}
	for pid, p := range c.Procs {
		if p.UID == u.uid {
			return fail(8, "user %s is currently used by process %d", name, pid)
		}
	}
	if err := c.edit("passwd", name, ""); err != nil {
		return err
	}
	if err := c.edit("shadow", name, ""); err != nil {
		return err
	}
	for _, g := range c.teams() {
		switch {
		case g.name == name && len(g.members) == 0 && strings.Contains(c.Text("/etc/login.defs"), "USERGROUPS_ENAB yes"):
			err = c.edit("group", name, "")
		case slices.Contains(g.members, name):
			g.members = slices.DeleteFunc(g.members, func(m string) bool { return m == name })
			err = c.write(g)
		}
	}
	return err
}

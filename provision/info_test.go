// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"errors"
	"io/fs"
	"maps"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/fakehost"
)

func TestHealthNamesEachIssueAndWhatMendsIt(t *testing.T) {
	const mend = "au new --agent agent"
	m := systemd(t)
	m.make(want)
	made := m.facts()
	m.apply(PlanGrant(made, bob))
	granted := m.facts()
	without := func(acl []string, entry string) []string {
		var kept []string
		for _, e := range acl {
			if e != entry {
				kept = append(kept, e)
			}
		}
		return kept
	}
	for _, c := range []struct {
		situation string
		change    func(*Facts)
		problem   string // none: healthy
		hint      string
	}{
		{"healthy", func(*Facts) {}, "", ""},
		{"without_systemd", func(f *Facts) { f.Unit = Unit{} }, "", ""},
		{"policy_gone", func(f *Facts) { f.Policy = nil }, `no policy /etc/au/agents/agent: au did not make this agent, or it is gone`, ""},
		{"policy_broken", func(f *Facts) { f.PolicyErr = errors.New("line 1: nonsense") }, `policy /etc/au/agents/agent: line 1: nonsense`, ""},
		{"user_gone", func(f *Facts) { f.Agent, f.UIDUser = nil, "" }, `missing user "agent"`, mend},
		{"uid_taken", func(f *Facts) { f.Agent, f.UIDUser = nil, "carol" }, `missing user "agent", and its uid 1002 now belongs to "carol"`, mend},
		{"another_user", func(f *Facts) { u := *f.Agent; u.UID = 1500; f.Agent = &u },
			`user "agent" (uid 1500) is not the one that the policy names (uid 1002)`, ""},
		{"primary_group", func(f *Facts) { u := *f.Agent; u.GID = 7; f.Agent = &u }, `user "agent" has the primary group 7 where the policy says 1002`, "sudo usermod --gid 1002 agent"},
		{"not_expired", func(f *Facts) { f.Unexpired = true },
			"the account is not expired, so the agent could log in to itself outside of all walls, and `au run` is refused", "sudo usermod --expiredate 1 agent"},
		{"with_a_shell", func(f *Facts) { u := *f.Agent; u.Shell = "/bin/bash"; f.Agent = &u },
			"the account has the shell /bin/bash, with which a login would work where the account's expiry is lost", mend},
		{"lingers", func(f *Facts) { f.Leftovers.Linger = true },
			"systemd would start the agent's services at boot, outside of all walls (it lingers)", "sudo loginctl disable-linger agent"},
		{"a_manager", func(f *Facts) {
			f.Unit.Beside = maps.Clone(f.Unit.Beside)
			f.Unit.Beside[ManagerFolder(1002)+"/au.conf"] += "ExecStartPre=\n"
		},
			"missing or changed /etc/systemd/system/user@1002.service.d/au.conf: systemd would start the agent's services, outside of all walls, if the account's expiry were lost", mend},
		{"a_manager_without_systemd", func(f *Facts) { f.Unit = Unit{} }, "", ""},
		{"a_mail_server", func(f *Facts) { f.Mail = "postfix" }, "postfix runs what the agent writes into its ~/.forward, outside of all walls",
			"sudo sh -c '{ echo; echo agent: root; } >>/etc/aliases && newaliases'"},
		{"not_denied", func(f *Facts) { f.Deny, f.Undenied = DenyFiles[1:], true }, "the agent is not kept from cron or at: /etc/at.deny", mend},
		{"a_human_gone", func(f *Facts) { *f = granted; f.HumansGone = []string{"bob"} },
			`human "bob" is gone from this machine, and whoever has that uid may enter`, "au revoke --agent agent bob"},
		{"the_only_human_gone", func(f *Facts) { f.HumansGone = []string{"alice"} },
			`human "alice" is gone from this machine, and whoever has that uid may enter`, ""},
		{"group_gone", func(f *Facts) { f.Group = nil }, `missing group "su-as-agent"`, mend},
		{"another_group", func(f *Facts) { f.Group = &Group{Name: "su-as-agent", GID: 7, Members: []string{"alice"}} },
			`group "su-as-agent" has gid 7 where the policy says 1003`, "sudo groupmod --gid 1003 su-as-agent"},
		{"not_a_member", func(f *Facts) { f.Group = &Group{Name: "su-as-agent", GID: 1003} }, `user "alice" is not a member of "su-as-agent"`, mend},
		{"agent_is_a_member", func(f *Facts) { f.Group = &Group{Name: "su-as-agent", GID: 1003, Members: []string{"alice", "agent"}} },
			`the agent is a member of "su-as-agent", which is for humans only`, "sudo gpasswd --delete agent su-as-agent"},
		{"home_gone", func(f *Facts) { f.Home = Path{} }, `missing home /home/agent`, mend},
		{"home_is_a_link", func(f *Facts) { f.Home.Mode = fs.ModeSymlink | 0o777 }, `home /home/agent is not a folder that the agent owns`, ""},
		{"home_of_roots", func(f *Facts) { f.Home.UID = 0 }, `home /home/agent is not a folder that the agent owns`, ""},
		{"home_setgid", func(f *Facts) { f.Home.Mode &^= fs.ModeSetgid }, `home /home/agent has lost its setgid bit or its group "su-as-agent"`, mend},
		{"home_group", func(f *Facts) { f.Home.GID = 1002 }, `home /home/agent has lost its setgid bit or its group "su-as-agent"`, mend},
		{"home_mode", func(f *Facts) { f.Home.Mode |= 0o005 }, `home /home/agent has mode 0775 where 2770 is right: the group bits are the ACL's mask`, mend},
		{"home_default_mask", func(f *Facts) { f.Home.ACL = without(f.Home.ACL, "default:mask::rwx") },
			`home /home/agent has lost entries of its ACL or default ACL (mask included)`, mend},
		{"home_human", func(f *Facts) { f.Home.ACL = without(f.Home.ACL, "user:1000:rwx") },
			`home /home/agent has lost entries of its ACL or default ACL (mask included)`, mend},
		{"entrypoint_gone", func(f *Facts) { f.Entrypoint = Path{} }, `missing entrypoint /usr/local/libexec/au/agent/su_as_agent`, mend},
		{"entrypoint_owner", func(f *Facts) { f.Entrypoint.UID = 1002 }, `entrypoint /usr/local/libexec/au/agent/su_as_agent is not a file that root owns`, mend},
		{"entrypoint_setuid", func(f *Facts) { f.Entrypoint.Mode &^= fs.ModeSetuid }, `entrypoint /usr/local/libexec/au/agent/su_as_agent is not set-uid`, mend},
		{"entrypoint_mode", func(f *Facts) { f.Entrypoint.Mode |= 0o005 }, `entrypoint /usr/local/libexec/au/agent/su_as_agent is not 4750 root:su-as-agent`, mend},
		{"entrypoint_group", func(f *Facts) { f.Entrypoint.GID = 0 }, `entrypoint /usr/local/libexec/au/agent/su_as_agent is not 4750 root:su-as-agent`, mend},
		{"entrypoint_nosuid", func(f *Facts) { f.Entrypoint.NoSuid = true },
			`entrypoint /usr/local/libexec/au/agent/su_as_agent is on a file system mounted nosuid`, ""},
		{"entrypoint_acl", func(f *Facts) { f.Entrypoint.ACL = nil }, `entrypoint /usr/local/libexec/au/agent/su_as_agent has lost entries of its ACL`, mend},
		{"entrypoint_swapped", func(f *Facts) { f.Entrypoint.SHA256 = "00" },
			`entrypoint /usr/local/libexec/au/agent/su_as_agent has the SHA-256 00 where ` + sum(entrypoint) + ` was installed`, mend},
		{"unit_gone", func(f *Facts) { f.Unit = Unit{Systemd: true, Beside: f.Unit.Beside} }, `missing unit au-agent.service`, mend},
		{"unit_stopped", func(f *Facts) { f.Unit.Active = false }, "unit au-agent.service does not run, so `au run` is refused", "sudo systemctl start au-agent.service"},
		{"unit_file_gone", func(f *Facts) {
			f.Unit.Beside = maps.Clone(f.Unit.Beside)
			delete(f.Unit.Beside, "/etc/tmpfiles.d/au-agent.conf")
		},
			`missing or changed /etc/tmpfiles.d/au-agent.conf: temporary files are not kept from run to run, or too long`, mend},
		{"unit_older", func(f *Facts) { f.Unit.Text, f.Unit.Beside = "[Unit]\n", nil }, "", ""},
		{"unit_not_enabled", func(f *Facts) { f.Unit.Enabled = false }, `unit au-agent.service is not enabled, and will be missing after a reboot`, mend},
		{"unit_elsewhere", func(f *Facts) { f.Unit.Cgroups = []string{"x"} }, `the policy does not name the cgroups of the running unit`, mend},
	} {
		f := made
		c.change(&f)
		issues := Health(f)
		switch {
		case c.problem == "" && len(issues) > 0:
			t.Errorf("%s: a healthy agent has %q", c.situation, issues)
		case c.problem != "" && (len(issues) != 1 || issues[0].Problem != c.problem || issues[0].Hint != c.hint):
			t.Errorf("%s:\n got %q\nwant %q with hint %q alone", c.situation, issues, c.problem, c.hint)
		}
	}
}

// On NixOS an option of postfix has the alias.
func TestMailHintForADeclaredAgent(t *testing.T) {
	if got := MailHint(Facts{Name: "agent", Declared: true}); got != `services.postfix.extraAliases can have "agent: root" in the NixOS configuration` {
		t.Errorf("the hint is %q", got)
	}
}

// A lock that is missing is of an older au, unless it is the last one.
func TestAMissingLockOfTheManager(t *testing.T) {
	m := systemd(t)
	m.make(want)
	m.Remove(ManagerFolder(1002) + "/au.conf")
	f := m.facts()
	if issues := Health(f); len(issues) > 0 || !LacksManagerLock(f) {
		t.Errorf("with the expiry: %q, and it is missing: %v", issues, LacksManagerLock(f))
	}
	f.Unexpired = true
	if issues := Health(f); len(issues) != 2 || issues[1].ID != "login-manager" {
		t.Errorf("without the expiry: %q", issues)
	}
}

// A fault that `au info` says can be mended with `au new` is mended by it.
func TestNewMendsWhatHealthFinds(t *testing.T) {
	for situation, damage := range map[string]func(*machine){
		"home_mode":       func(m *machine) { m.File("/home/agent").Mode = 0o755 },
		"home_gone":       func(m *machine) { m.Remove("/home/agent") },
		"home_of_roots":   func(m *machine) { m.File("/home/agent").UID = 0 },
		"default_acl":     func(m *machine) { m.File("/home/agent").Default = nil },
		"entrypoint_mode": func(m *machine) { m.File(csrc.EntrypointPath("agent")).Mode = 0o755 },
		"entrypoint_text": func(m *machine) { m.File(csrc.EntrypointPath("agent")).Text = "another" },
		"entrypoint_gone": func(m *machine) { m.Remove(csrc.EntrypointPath("agent")) },
		"unit_gone":       func(m *machine) { m.Remove(UnitDir + "/au-agent.service") },
		"unit_edited":     func(m *machine) { m.File(UnitDir + "/au-agent.service").Text += "# by hand\n" },
		"not_enabled":     func(m *machine) { m.Remove(UnitDir + "/multi-user.target.wants/au-agent.service") },
		"member":          func(m *machine) { m.must("gpasswd", "--delete", "alice", "su-as-agent") },
		"user_gone": func(m *machine) {
			m.must("systemctl", "disable", "au-agent.service")
			m.must("systemctl", "stop", "user-1002.slice")
			m.must("userdel", "agent")
		},
		"not_expired":  func(m *machine) { m.must("usermod", "--expiredate", "99999", "agent") },
		"with_a_shell": func(m *machine) { m.must("usermod", "--shell", "/bin/bash", "agent") },
		"lingers":      func(m *machine) { m.Put("/var/lib/systemd/linger/agent", "", fakehost.Node{Mode: 0o644}) },
		"manager":      func(m *machine) { m.Remove(ManagerFolder(1002) + "/au.conf") },
		"manager_else": func(m *machine) { m.File(ManagerFolder(1002) + "/au.conf").Text += "ExecStartPre=\n" },
		"at_deny":      func(m *machine) { m.Put("/etc/at.deny", "daemon\n", fakehost.Node{Mode: 0o644}) },
		"group_gone":   func(m *machine) { m.must("groupdel", "su-as-agent") },
	} {
		t.Run(situation, func(t *testing.T) {
			m := systemd(t)
			m.make(want)
			damage(m)
			m.make(want)
			if issues := Health(m.facts()); len(issues) > 0 {
				t.Errorf("after au new there is still %q", issues)
			}
		})
	}
}

// must runs a command as root, which has to succeed.
func (m *machine) must(argv ...string) {
	m.t.Helper()
	if err := m.Run(0, argv, nil, m.t.Output(), m.t.Output()); err != nil {
		m.t.Fatal(argv, err)
	}
}

func TestSessionHasGroup(t *testing.T) {
	m := systemd(t)
	m.make(want)
	f := m.facts()
	if SessionHasGroup(f) {
		t.Error("a session from before has the group")
	}
	if f.Session = append(f.Session, 1003); !SessionHasGroup(f) {
		t.Error("a session with the group has it not")
	}
}

func TestPolicyAge(t *testing.T) {
	m := systemd(t)
	m.make(want)
	made := m.facts()
	for _, c := range []struct {
		situation string
		change    func(*Facts)
		want      string
	}{
		{"as_it_was_made", func(*Facts) {}, ""},
		{"version_1", func(f *Facts) { f.Policy.Version = 1 }, "its policy is of version 1, where this au writes 2"},
		{"no_version", func(f *Facts) { f.Policy.Version = 0 }, "its policy is of version 1, where this au writes 2"},
		{"hides_less", func(f *Facts) { f.Policy.Hide = f.Policy.Hide[1:] }, "its policy does not hide /home"},
		{"hides_more", func(f *Facts) { f.Policy.Hide = append(f.Policy.Hide, "/srv/wanderer") }, ""},
		{"unlocked", func(f *Facts) { f.Policy.Allow = []string{"docker"}; f.Policy.Show = csrc.DefaultShows(f.Policy.Allow) }, ""},
		{"shows_more", func(f *Facts) { f.Policy.Show = []string{"/run/dbus"} }, "its policy shows another part of /run than one that this au writes"},
		{"declared", func(f *Facts) { f.Policy.Version, f.Declared = 1, true }, ""},
		{"another_user", func(f *Facts) { f.Policy.Version, f.Agent = 1, nil }, ""},
		{"none", func(f *Facts) { f.Policy = nil }, ""},
	} {
		f := made
		p := *made.Policy
		f.Policy = &p
		c.change(&f)
		if got := PolicyAge(f); got != c.want {
			t.Errorf("%s: %q, not %q", c.situation, got, c.want)
		}
	}
}

// A file that a newer au wrote is not to be mended by hand, nor made anew.
func TestAPolicyOfANewerAuIsRefusedAsOne(t *testing.T) {
	m := systemd(t)
	m.make(want)
	f := m.facts()
	f.Policy = nil
	_, f.PolicyErr = csrc.ParsePolicy([]byte("au-policy 3\n"))
	for name, err := range map[string]error{"new": CheckNew(want, f), "delete": CheckDelete("agent", f)} {
		if err == nil || err.Error() != "policy /etc/au/agents/agent: line 1: au-policy 3: a newer au than this one wrote it" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

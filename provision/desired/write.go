// SPDX-License-Identifier: GPL-3.0-or-later

package desired

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	auslices "github.com/a4u2/au/slices"
)

// Of returns the file that says how these agents are, and notes on what it leaves out.
func Of(agents ...provision.Stated) (f File, notes []string) {
	for _, s := range agents {
		here := slices.DeleteFunc(slices.Clone(s.Humans), func(human string) bool { return slices.Contains(s.Gone, human) })
		for _, human := range s.Gone {
			notes = append(notes, fmt.Sprintf("%s: human %s, who is not on this machine", s.Name, human))
		}
		if len(here) == 0 {
			notes = append(notes, s.Name+", which has no human on this machine")
			continue
		}
		s, left := s.Sayable()
		a := Agent{UserName: Name(s.Name), Humans: words[User](here), Unlock: words[Switch](s.Allow), Limits: limitsOf(s.Limits)}
		if s.Net != nil {
			var more []string
			a.Net, more = netOf(*s.Net)
			left = append(left, more...)
		}
		for _, text := range left {
			notes = append(notes, s.Name+": "+text)
		}
		a.settings(s.Of, len(here) > 1)
		f.Agents = append(f.Agents, a)
	}
	return f, notes
}

// limitsOf returns limits as a table; nil for none.
func limitsOf(l auslices.Limits) *Limits {
	if l.Empty() {
		return nil
	}
	return &Limits{CPU: l.CPU, Memory: l.Memory, Swap: l.Swap, Tasks: l.Tasks, CPUWeight: l.CPUWeight, IOWeight: l.IOWeight}
}

// words returns texts as a type of ours; nil for none.
func words[T ~string](texts []string) (all []T) {
	for _, text := range texts {
		all = append(all, T(text))
	}
	return all
}

// settings takes over what the humans' configs say. A setting in which they differ is for one alone.
func (a *Agent) settings(of []provision.Settings, several bool) {
	for _, s := range of {
		o := Only{Human: User(s.Human), KeepEnv: words[Variable](s.KeepEnv), SetEnv: words[Pair](s.SetEnv), Path: words[FolderPath](s.Path)}
		switch {
		case !several:
			a.KeepEnv, a.SetEnv, a.Path = o.KeepEnv, o.SetEnv, o.Path
		case len(o.KeepEnv)+len(o.SetEnv)+len(o.Path) > 0:
			a.Only = append(a.Only, o)
		}
		for _, m := range s.Mounts {
			next := mountOf(m)
			if several {
				next.Human = ptr(User(s.Human))
			}
			a.Mounts = append(a.Mounts, next)
		}
	}
}

func mountOf(m config.Mount) Mount {
	next := Mount{Source: FolderPath(m.Source), Target: Target(m.Target), ACL: m.ACL, Draft: m.Draft, Hide: words[Hidden](m.Hide), ShowSecrets: m.ShowSecrets}
	if !m.ReadOnly {
		next.ReadOnly = ptr(false)
	}
	if m.TargetOnly {
		next.SamePath = ptr(false)
	}
	return next
}

func netOf(p netfilter.Policy) (*Net, []string) {
	rules := provision.RulesOf(p)
	n := &Net{Presets: words[Preset](rules.Presets), NoECH: p.NoECH, UpstreamLogin: p.Upstream.Login, Backend: ptr(Backend(p.Backend))}
	n.Allow, n.Deny = rulesOf(rules.Allow), rulesOf(rules.Deny)
	for _, port := range rules.Localhost {
		if number, err := strconv.ParseUint(port, 10, 16); err == nil {
			n.AllowLocalhost = append(n.AllowLocalhost, uint16(number))
		}
	}
	for _, server := range p.Resolve {
		n.DNS = append(n.DNS, Server(server))
	}
	if p.Upstream.IsSet() {
		n.Upstream = ptr(Upstream(p.Upstream.URL))
	}
	if p.Upstream.CA != "" {
		rules.Notes = append(rules.Notes, "upstream_ca, the CA of the proxy: name the file that holds it. Where the proxy is in force already, its CA stays.")
	}
	if !p.Learn.IsZero() {
		rules.Notes = append(rules.Notes, fmt.Sprintf("learning until %s. It goes on where the agent learns already; on another machine what is not allowed is refused.", p.Learn.UTC().Format(time.RFC3339)))
	}
	if !p.HasDaemon() {
		n.Proxy = ptr(Ports(p.Human))
	}
	return n, rules.Notes
}

func rulesOf(texts []string) (all []netfilter.Rule) {
	for _, text := range texts {
		if rule, err := netfilter.ParseRule(text); err == nil {
			all = append(all, rule)
		}
	}
	return all
}

// Text returns what Parse reads as f.
func (f File) Text() string {
	var b strings.Builder
	write(&b, reflect.ValueOf(f), "")
	return strings.TrimPrefix(b.String(), "\n")
}

// write writes a table: first its values, then the tables in it. Each of those has a header with its whole name.
func write(b *strings.Builder, v reflect.Value, name string) {
	type table struct {
		name   string
		values []reflect.Value
		list   bool
	}
	var tables []table
	for i := range v.NumField() {
		k, field := key(v.Type().Field(i)), v.Field(i)
		switch {
		case k == "" || field.IsZero():
		case isTable(field.Type()):
			t := table{name: strings.TrimPrefix(name+"."+k, "."), list: field.Kind() == reflect.Slice}
			if !t.list {
				t.values = []reflect.Value{field.Elem()}
			}
			for j := 0; t.list && j < field.Len(); j++ {
				t.values = append(t.values, field.Index(j))
			}
			tables = append(tables, t)
		default:
			fmt.Fprintf(b, "%s = %s\n", k, value(field))
		}
	}
	for _, t := range tables {
		header := "\n[" + t.name + "]\n"
		if t.list {
			header = "\n[[" + t.name + "]]\n"
		}
		for _, each := range t.values {
			b.WriteString(header)
			write(b, each, t.name)
		}
	}
}

// isTable reports whether values of the type are tables, or lists of them.
func isTable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Type == placesType
}

// value returns a value in TOML.
func value(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		return value(v.Elem())
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = value(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Uint16:
		return strconv.FormatUint(v.Uint(), 10)
	}
	switch x := v.Interface().(type) {
	case FolderPath:
		return config.Quote(config.Path(x).Text())
	case Target:
		return config.Quote(config.Path(x).Text())
	case Server:
		return config.Quote(x.String())
	case fmt.Stringer:
		return config.Quote(x.String())
	}
	return config.Quote(v.String())
}

// Words returns texts of a type of ours as they are.
func Words[T ~string](all []T) []string {
	texts := make([]string, 0, len(all))
	for _, word := range all {
		texts = append(texts, string(word))
	}
	return slices.Clip(texts)
}

func ptr[T any](v T) *T { return &v }

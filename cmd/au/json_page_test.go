// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/risk"
	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"
)

// printed are the types of what the commands print with --json: a slice for an array.
var printed = map[string]any{
	"list": []start.Listed{}, "info": agentInfo{}, "mount list": []mountView{}, "mount check": []checked{}, "path list": []pathView{},
	"draft list": []draftView{}, "draft diff": diffView{}, "limits show": limitsView{}, "top": []row{}, "log": logView{}, "net status": netView{},
	"net log": netfilter.Record{}, "net why": whyView{}, "doctor": diagnosis{}, "verify": verdict{}, "setup": []programView{}, "apply": applyView{},
}

// withoutJSON says why a command has no --json, where it shows something and not what it changes.
var withoutJSON = map[string]string{
	"run": "the command's output is the run's", "shell": "the same", "draft try": "the same", "draft path": "a line, which is a path",
	"net show": "rules, units and policy in the forms that other programs read", "export": "a file that programs read", "completion": "a script",
}

// changes are the commands that do something, and say what.
var changes = strings.Fields("new grant revoke delete pause resume stop mount-add mount-remove path-add path-remove draft-keep draft-undo draft-drop " +
	"draft-refresh limits-set limits-reset net-restrict net-allow net-deny net-off")

// onlyReal are the rows of the page, or whole sections, that only the script of real machines sees: they take a systemd, an agent
// that runs, or the kernel's overlay.
var onlyReal = sync.OnceValue(func() []string { return strings.Split(strings.TrimSpace(read("../../e2e/tests/json/real")), "\n") })

// jsonKey is a row of the page.
type jsonKey struct {
	name, kind string // kind is as the page has it
	optional   bool
	row        string // "SECTION KEY"
}

// jsonPage is docs/json.md.
type jsonPage struct {
	forms map[string]string // how a command prints: "an array", "one object", "an object a line"
	rows  map[string][]jsonKey
	mutex sync.Mutex
	seen  map[string]bool // by row
	ran   map[string]bool // scripts
}

// read returns a file that these tests cannot do without.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return string(text)
}

var (
	pageHeading = regexp.MustCompile("^#{2,3} (?:`au ([a-z ]+)`|(.+))$")
	pageForm    = regexp.MustCompile(`^It prints (an array|one object|an object a line)\b`)
	pageRow     = regexp.MustCompile("^\\| (?:`([a-z_]+)(\\??)`|(…)) \\| ([^|]+) \\| [^|]+ \\|$")
	pageUnit    = regexp.MustCompile(` \([^)]*\)( or null)?$`)
	pageLink    = regexp.MustCompile(`^\[(.*)\]\(#([a-zA-Z-]*)\)$`)
)

// thePage reads docs/json.md once.
var thePage = sync.OnceValue(func() *jsonPage {
	p := &jsonPage{forms: map[string]string{}, rows: map[string][]jsonKey{}, seen: map[string]bool{}, ran: map[string]bool{}}
	section := ""
	for line := range strings.Lines(read("../../docs/json.md")) {
		line = strings.TrimSuffix(line, "\n")
		if m := pageHeading.FindStringSubmatch(line); m != nil {
			section = "[" + m[2] + "]"
			if m[1] != "" {
				section = m[1]
			}
			p.rows[section] = nil
		} else if m := pageForm.FindStringSubmatch(line); m != nil {
			p.forms[section] = m[1]
		} else if m := pageRow.FindStringSubmatch(line); m != nil {
			p.rows[section] = append(p.rows[section], jsonKey{m[1] + m[3], pageUnit.ReplaceAllString(m[4], "$1"), m[2] != "", section + " " + m[1] + m[3]})
		} else if strings.HasPrefix(line, "|") && line != "| key | type | meaning |" && line != "|---|---|---|" {
			panic("docs/json.md: no row: " + line)
		}
	}
	return p
})

// linked returns the section that a type leads to; empty where it is none.
func linked(kind string) string {
	if m := pageLink.FindStringSubmatch(kind); m != nil && m[2] == strings.ToLower(strings.ReplaceAll(m[1], " ", "-")) {
		return "[" + m[1] + "]"
	}
	return ""
}

// keys returns the rows of a section, with those that it includes.
func (p *jsonPage) keys(section string) (all []jsonKey) {
	for _, k := range p.rows[section] {
		if k.name == "…" {
			all = append(all, p.keys(linked(k.kind))...)
			continue
		}
		all = append(all, k)
	}
	return all
}

// flat returns a line for each key below a type of the page.
func (p *jsonPage) flat(path, kind string) []string {
	kind, null := strings.CutSuffix(kind, " or null")
	mark := map[bool]string{true: " or null"}[null]
	if elem, ok := strings.CutPrefix(kind, "list of "); ok {
		return append(p.flat(path+"[]", elem), path+" list"+mark)
	}
	if elem, ok := strings.CutPrefix(kind, "map of "); ok {
		return append(p.flat(path+".*", elem), path+" map"+mark)
	}
	if section := linked(kind); section != "" {
		return append(p.flatSection(path, section), path+" object"+mark)
	}
	return []string{path + " " + kind + mark}
}

func (p *jsonPage) flatSection(path, section string) (all []string) {
	for _, k := range p.keys(section) {
		all = append(all, p.flat(path+"."+k.name+map[bool]string{true: "?"}[k.optional], k.kind)...)
	}
	return all
}

// findingJSON is as risk.Finding writes itself.
type findingJSON struct {
	Path   config.Path `json:"path"`
	Kind   string      `json:"kind"`
	Detail string      `json:"detail,omitempty"`
}

// flatType returns the same lines for a type of Go.
func flatType(t *testing.T, path string, of reflect.Type, mark string) []string {
	switch of {
	case reflect.TypeFor[time.Time]():
		return []string{path + " time" + mark}
	case reflect.TypeFor[config.Path]():
		return []string{path + " path" + mark}
	case reflect.TypeFor[risk.Finding]():
		of = reflect.TypeFor[findingJSON]()
	}
	if of.Kind() != reflect.Pointer && (of.Implements(reflect.TypeFor[json.Marshaler]()) || of.Implements(reflect.TypeFor[encoding.TextMarshaler]())) {
		t.Errorf("%s: %v writes itself, and this test does not know how", path, of)
	}
	switch of.Kind() {
	case reflect.Pointer:
		return flatType(t, path, of.Elem(), map[bool]string{true: " or null"}[!strings.HasSuffix(path, "?")])
	case reflect.Slice:
		return append(flatType(t, path+"[]", of.Elem(), ""), path+" list"+mark)
	case reflect.Map:
		return append(flatType(t, path+".*", of.Elem(), ""), path+" map"+mark)
	case reflect.Struct:
		return append(flatFields(t, path, of), path+" object"+mark)
	}
	return []string{path + " " + scalar(t, path, of) + mark}
}

func flatFields(t *testing.T, path string, of reflect.Type) (all []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			all = append(all, flatFields(t, path, f.Type)...)
		case !f.IsExported() || name == "-":
		default:
			all = append(all, flatType(t, path+"."+name+map[bool]string{true: "?"}[options == "omitempty"], f.Type, "")...)
		}
	}
	return all
}

func scalar(t *testing.T, path string, of reflect.Type) string {
	switch of.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true/false"
	case reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int64, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "integer"
	}
	t.Errorf("%s: no word for %v", path, of)
	return ""
}

// The page says of each command what the types in the source say: the keys, which may be missing, and their types.
func TestJSONPageIsWhatTheTypesSay(t *testing.T) {
	page := thePage()
	for command, v := range printed {
		of, form := reflect.TypeOf(v), "object"
		if of.Kind() == reflect.Slice {
			of, form = of.Elem(), "an array"
		}
		if got := page.forms[command]; (got == "an array") != (form == "an array") || got == "" {
			t.Errorf("au %s --json: the page says %q", command, got)
		}
		said, is := page.flatSection("", command), flatFields(t, "", of)
		for _, line := range said {
			if !slices.Contains(is, line) {
				t.Errorf("au %s --json: the page has %q, the source has not", command, line)
			}
		}
		for _, line := range is {
			if !slices.Contains(said, line) {
				t.Errorf("au %s --json: the source has %q, the page has not", command, line)
			}
		}
	}
}

// Each command with --json has its section and its line in the script of real machines, and each without it a reason.
func TestJSONPageHasEveryCommand(t *testing.T) {
	page, found, real := thePage(), map[string]bool{}, read("../../e2e/tests/json.sh")
	for _, path := range everyCommand(newParser(&struct{ globals }{}, nil).Model.Node, nil) {
		ctx, err := kong.Trace(newParser(&struct{ globals }{}, path), path)
		if err != nil {
			t.Fatal(err)
		}
		command := strings.Join(path, " ")
		if hidden(ctx.Selected()) {
			continue
		}
		has := slices.ContainsFunc(ctx.Selected().Flags, func(f *kong.Flag) bool { return f.Name == "json" })
		found[command] = true
		_, section := page.rows[command]
		if has != section || has != (printed[command] != nil) {
			t.Errorf("au %s: has --json: %v; has a section in the page: %v; has a type here: %v", command, has, section, printed[command] != nil)
		}
		if has && !regexp.MustCompile(`(?m)^reads '?`+command+`\b`).MatchString(real) {
			t.Errorf("e2e/tests/json.sh does not read au %s --json", command)
		}
		if !has && withoutJSON[command] == "" && !slices.Contains(changes, strings.ReplaceAll(command, " ", "-")) {
			t.Errorf("au %s shows something: want --json, or why not", command)
		}
	}
	for section := range page.rows {
		if !strings.HasPrefix(section, "[") && !found[section] {
			t.Errorf("the page has au %s, the grammar has not", section)
		}
	}
	for _, command := range slices.Concat(slices.Collect(maps.Keys(withoutJSON)), changes) {
		if !found[strings.ReplaceAll(command, "-", " ")] {
			t.Errorf("there is no au %s", command)
		}
	}
}

func hidden(n *kong.Node) bool {
	return n != nil && (n.Hidden || hidden(n.Parent))
}

// checkJSON compares what au printed, where that was JSON, with the page.
func checkJSON(args []string, out string) error {
	if !slices.Contains(args, "--json") || out == "" {
		return nil
	}
	if string(quote.JSON([]byte(out))) != out {
		return fmt.Errorf("%v: what steers a terminal is not escaped: %q", args, out)
	}
	page := thePage()
	page.mutex.Lock()
	defer page.mutex.Unlock()
	ctx, err := kong.Trace(newParser(&struct{ globals }{}, args), args)
	if err != nil || ctx.Selected() == nil {
		return fmt.Errorf("%v: JSON of no command: %w", args, err)
	}
	command := strings.TrimPrefix(ctx.Selected().Path(), "au ")
	n := 0
	for from := json.NewDecoder(strings.NewReader(out)); ; n++ {
		from.UseNumber()
		var v any
		if err := from.Decode(&v); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("au %s: no JSON: %w", command, err)
		}
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		// A program that was set up is one object: the page has that in a sentence.
		if isList != (page.forms[command] == "an array") && command != "setup" {
			return fmt.Errorf("au %s: an array: %v; the page says %q", command, isList, page.forms[command])
		}
		for _, one := range list {
			if err := page.object(command, one); err != nil {
				return fmt.Errorf("au %s%w", command, err)
			}
		}
	}
	if n != 1 && page.forms[command] != "an object a line" {
		return fmt.Errorf("au %s: %d JSON texts, want one", command, n)
	}
	return nil
}

// object compares an object with a section, and notes which keys it has.
func (p *jsonPage) object(section string, v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf(": %v is no object", v)
	}
	unknown := maps.Clone(object)
	for _, k := range p.keys(section) {
		value, there := object[k.name]
		delete(unknown, k.name)
		if !there && !k.optional {
			return fmt.Errorf(".%s: missing, and the page does not say that it may be", k.name)
		}
		if !there {
			continue
		}
		p.seen[k.row] = true
		if err := p.value(k.kind, value); err != nil {
			return fmt.Errorf(".%s%w", k.name, err)
		}
	}
	for name := range unknown {
		return fmt.Errorf(".%s: the page does not have it", name)
	}
	return nil
}

// value compares a value with a type of the page.
func (p *jsonPage) value(kind string, v any) error {
	kind, null := strings.CutSuffix(kind, " or null")
	if v == nil && null {
		return nil
	}
	if elem, ok := strings.CutPrefix(kind, "list of "); ok {
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf(": %v is no list", v)
		}
		for _, one := range list {
			if err := p.value(elem, one); err != nil {
				return fmt.Errorf("[]%w", err)
			}
		}
		return nil
	}
	if elem, ok := strings.CutPrefix(kind, "map of "); ok {
		all, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf(": %v is no map", v)
		}
		for _, one := range all {
			if err := p.value(elem, one); err != nil {
				return fmt.Errorf(".*%w", err)
			}
		}
		return nil
	}
	if section := linked(kind); section != "" {
		return p.object(section, v)
	}
	if !isOfKind(kind, v) {
		return fmt.Errorf(": %v is not %q", v, kind)
	}
	return nil
}

func isOfKind(kind string, v any) bool {
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	switch kind {
	case "text", "path":
		return isText
	case "time":
		_, err := time.Parse(time.RFC3339Nano, text)
		return isText && err == nil
	case "true/false":
		_, ok := v.(bool)
		return ok
	case "number":
		return isNumber
	case "integer":
		return isNumber && !bytes.ContainsAny([]byte(number), ".eE")
	}
	return false
}

// scriptRan notes that a script was run.
func (p *jsonPage) scriptRan(env *testscript.Env) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.ran[env.WorkDir] = true
}

// checkAllSeen demands, after all scripts, that each key of the page was in an output.
func (p *jsonPage) checkAllSeen(t *testing.T) {
	scripts, _ := filepath.Glob("testdata/script/*.txtar")
	if t.Failed() || len(p.ran) < len(scripts) {
		return
	}
	known := map[string]bool{}
	for section, rows := range p.rows {
		for _, k := range rows {
			real := slices.Contains(onlyReal(), k.row) || slices.Contains(onlyReal(), section)
			if k.name != "…" && p.seen[k.row] == real {
				t.Errorf("docs/json.md: %s: shown by a script: %v; listed as shown by a real machine alone: %v", k.row, p.seen[k.row], real)
			}
			known[k.row], known[section] = true, true
		}
	}
	for _, row := range onlyReal() {
		if !known[row] {
			t.Errorf("docs/json.md has no %s", row)
		}
	}
}

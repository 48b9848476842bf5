// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// pure are the packages that decide: facts in, text and data out. Neither they nor what they call looks at the machine or changes
// it.
var pure = []string{"netfilter", "provision", "provision/desired", "provision/setup", "slices", "provision/share", "internal/quote"}

// harmless is what of a package that works on the machine does not: all else of it is an effect. Constants and types are none.
var harmless = map[string][]string{
	"net": {"CIDRMask", "IPv4", "IPv4Mask", "JoinHostPort", "ParseCIDR", "ParseIP", "ParseMAC", "SplitHostPort", "TCPAddrFromAddrPort", "UDPAddrFromAddrPort",
		"IP.*", "IPMask.*", "IPNet.*", "Addr.*", "TCPAddr.*", "UDPAddr.*", "ErrClosed"},
	"os":                        {"Err*", "Is*", "FileMode.*", "FileInfo.*", "PathError.*", "SyscallError.*", "NewSyscallError", "Expand"},
	"os/exec":                   {"Err*", "Error.*", "ExitError.*"},
	"os/signal":                 nil,
	"os/user":                   nil,
	"net/http":                  {"StatusText", "Header.*"},
	"path/filepath":             {"Base", "Clean", "Dir", "Ext", "FromSlash", "IsAbs", "IsLocal", "Join", "Match", "Rel", "Split", "SplitList", "ToSlash", "SkipAll", "SkipDir", "VolumeName"},
	"syscall":                   {"Errno.*", "Signal.*", "WaitStatus.*", "ParseNetlinkMessage", "ByteSliceFromString", "BytePtrFromString"},
	"golang.org/x/sys/unix":     {"ByteSliceFromString", "BytePtrFromString", "ErrnoName", "Major", "Minor", "Mkdev", "SignalName"},
	"golang.org/x/term":         nil,
	"crypto/rand":               nil,
	"math/rand":                 nil,
	"math/rand/v2":              nil,
	"log":                       nil,
	"fmt":                       {"Append*", "Errorf", "Fprint*", "Fscan*", "Sprint*", "Sscan*", "Formatter.*", "State.*", "Stringer.*"},
	"time":                      {"ParseDuration", "Parse", "ParseInLocation", "Date", "Unix", "UnixMilli", "UnixMicro", "FixedZone", "UTC", "Time.*", "Duration.*", "Month.*", "Weekday.*", "Location.*"},
	"github.com/godbus/dbus/v5": {"MakeVariant", "MakeVariantWithSignature", "SignatureOf", "ParseSignature", "ObjectPath.*", "Variant.*", "Error.*"},
}

// A use is a place in a package where something of another is named.
type use struct {
	what types.Object
	at   token.Pos
}

// A reader type-checks packages of ours, with all others as the compiler has left them.
type reader struct {
	files   *token.FileSet
	others  types.Importer
	ours    map[string]*types.Package
	uses    map[string][]use       // by package
	within  map[*types.Func][]use  // by function of ours
	outside map[string][]use       // by package, outside of functions
	effect  map[*types.Func]string // of ours: by what it works on the machine
}

// newReader reads all packages of the tree.
func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{files: token.NewFileSet(), ours: map[string]*types.Package{}, uses: map[string][]use{}, within: map[*types.Func][]use{}, outside: map[string][]use{}, effect: map[*types.Func]string{}}
	exports := map[string]string{}
	r.others = importer.ForCompiler(r.files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	// With -deps what is imported comes first.
	for _, line := range goList(t, "{{.ImportPath}}|{{.Export}}|{{.Dir}}|{{join .GoFiles \" \"}}", "-deps", "-export") {
		words := strings.Split(line, "|")
		exports[words[0]] = words[1]
		name, ours := strings.CutPrefix(words[0], module)
		if !ours {
			continue
		}
		var files []*ast.File
		for _, file := range strings.Fields(words[3]) {
			parsed, err := parser.ParseFile(r.files, words[2]+"/"+file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, parsed)
		}
		if err := r.read(name, files); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Import is what the type checker asks for what a package imports.
func (r *reader) Import(path string) (*types.Package, error) {
	if name, ours := strings.CutPrefix(path, module); ours {
		return r.ours[name], nil
	}
	return r.others.Import(path)
}

// read notes what a package uses, and which of its functions have an effect: what they use is above it in the list.
func (r *reader) read(name string, files []*ast.File) error {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	checked, err := (&types.Config{Importer: r, FakeImportC: true}).Check(module+name, r.files, files, info)
	if err != nil {
		return err
	}
	r.ours[name] = checked
	for _, file := range files {
		for _, decl := range file.Decls {
			var found []use
			ast.Inspect(decl, func(n ast.Node) bool {
				if ident, ok := n.(*ast.Ident); ok && info.Uses[ident] != nil && info.Uses[ident].Pkg() != nil {
					found = append(found, use{info.Uses[ident], ident.Pos()})
				}
				return true
			})
			r.uses[name] = append(r.uses[name], found...)
			if f, ok := decl.(*ast.FuncDecl); ok {
				r.within[info.Defs[f.Name].(*types.Func)] = found
			} else {
				r.outside[name] = append(r.outside[name], found...)
			}
		}
	}
	r.spread()
	return nil
}

// spread marks functions that use what has an effect, until no more are found.
func (r *reader) spread() {
	for more := true; more; {
		more = false
		for f, uses := range r.within {
			if r.effect[f] != "" {
				continue
			}
			for _, u := range uses {
				if by := r.effectOf(u.what); by != "" {
					r.effect[f], more = by, true
					break
				}
			}
		}
	}
}

// effectOf says by what a thing works on the machine; empty where it does not.
func (r *reader) effectOf(what types.Object) string {
	name := what.Name()
	switch what := what.(type) {
	case *types.Func:
		if by := r.effect[what.Origin()]; by != "" {
			return by
		}
		if receiver := what.Signature().Recv(); receiver != nil {
			name = typeName(receiver.Type()) + "." + name
		}
	case *types.Var:
		if what.IsField() || what.Parent() != what.Pkg().Scope() {
			return ""
		}
	default:
		return ""
	}
	safe, listed := harmless[what.Pkg().Path()]
	if !listed || slices.ContainsFunc(safe, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok }) {
		return ""
	}
	return what.Pkg().Name() + "." + name
}

func typeName(t types.Type) string {
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// effects returns what in a package works on the machine, one line for each place.
func (r *reader) effects(name string) (lines []string) {
	for _, u := range r.uses[name] {
		by := r.effectOf(u.what)
		if by == "" || u.what.Pkg() == r.ours[name] {
			continue // what is its own is told of where it begins
		}
		place := r.files.Position(u.at)
		lines = append(lines, fmt.Sprintf("%s:%d: %s.%s: %s", path.Base(place.Filename), place.Line, u.what.Pkg().Name(), u.what.Name(), by))
	}
	return lines
}

func TestPurePackagesHaveNoEffect(t *testing.T) {
	r := newReader(t)
	for _, name := range pure {
		if r.ours[name] == nil {
			t.Errorf("there is no package %s", name)
		}
		for _, line := range r.effects(name) {
			t.Errorf("%s decides, and works on the machine: %s", name, line)
		}
	}
}

// Each of these in a package that decides is seen, and what has no effect is none.
func TestEffectsAreSeen(t *testing.T) {
	r := newReader(t)
	for _, c := range []struct{ imported, body, want string }{
		{"os", `var _, _ = os.Open("/etc/passwd")`, "os.Open"},
		{"os", `var home = os.Getenv("HOME")`, "os.Getenv"},
		{"os", `func f(file *os.File) { file.Chmod(0) }`, "os.File.Chmod"},
		{"os", `var out = os.Stdout`, "os.Stdout"},
		{"os/exec", `func f() { exec.Command("true").Run() }`, "exec.Command"},
		{"net", `func f() { net.Dial("tcp", "192.0.2.1:1") }`, "net.Dial"},
		{"net", `func f(d net.Dialer) { d.Dial("tcp", "192.0.2.1:1") }`, "net.Dialer.Dial"},
		{"golang.org/x/sys/unix", `func f() { unix.Socket(unix.AF_INET, 0, 0) }`, "unix.Socket"},
		{"golang.org/x/sys/unix", `var f = unix.Mount`, "unix.Mount"},
		{"syscall", `func f() { syscall.Kill(1, 9) }`, "syscall.Kill"},
		{"time", `var began = time.Now()`, "time.Now"},
		{"fmt", `func f() { fmt.Println() }`, "fmt.Println"},
		{"path/filepath", `func f() { filepath.Glob("/*") }`, "filepath.Glob"},
		{module + "netfilter/kernel", `func f() { kernel.DeleteEmptyTables() }`, "kernel.DeleteEmptyTables: unix."},
		{module + "netfilter/kernel", `var f = (*kernel.Lookup).IsLocal`, "kernel.IsLocal: unix."},
		{module + "netfilter/kernel", `var attempt kernel.Attempt`, ""},
		{"os", `var _, mode = os.ErrNotExist, os.FileMode(0).Perm()`, ""},
		{"golang.org/x/sys/unix", `const family = unix.AF_INET`, ""},
		{"time", `func f(now time.Time) bool { return now.Add(time.Hour).IsZero() }`, ""},
		{"net/netip", `var loopback = netip.MustParsePrefix("127.0.0.0/8")`, ""},
	} {
		file, err := parser.ParseFile(r.files, "broken.go", fmt.Sprintf("package broken; import %q; %s", c.imported, c.body), parser.SkipObjectResolution)
		if err == nil {
			delete(r.uses, "broken")
			err = r.read("broken", []*ast.File{file})
		}
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if lines := r.effects("broken"); (len(lines) == 0) != (c.want == "") || !strings.Contains(strings.Join(lines, "\n"), c.want) {
			t.Errorf("%s: seen was %q, want %q", c.body, lines, c.want)
		}
	}
}

// rests are packages that are there for tests, or for the benchmark.
var rests = []string{"internal/counted", "internal/fakehost", "e2e/"}

// unused returns the functions of ours that nothing but tests, or they themselves, use.
func (r *reader) unused() (lines []string) {
	used := map[types.Object]bool{}
	for f, uses := range r.within {
		for _, u := range uses {
			used[u.what] = used[u.what] || u.what != f
		}
	}
	for _, uses := range r.outside {
		for _, u := range uses {
			used[u.what] = true
		}
	}
	for f := range r.within {
		name := strings.TrimPrefix(f.Pkg().Path(), module)
		special := f.Name() == "main" || f.Name() == "init" || f.Name() == "entry" // which the linker calls
		if used[f] || special || f.Signature().Recv() != nil || slices.ContainsFunc(rests, func(rest string) bool { return strings.HasPrefix(name, rest) }) {
			continue
		}
		lines = append(lines, name+"."+f.Name())
	}
	slices.Sort(lines)
	return lines
}

func TestNoFunctionIsForTestsAlone(t *testing.T) {
	r := newReader(t)
	if found := r.unused(); len(found) > 0 {
		t.Errorf("nothing but tests uses %s", strings.Join(found, ", "))
	}
	file, err := parser.ParseFile(r.files, "broken.go", "package broken; func alone() { alone() }; func used() {}; var _ = used; type T int; func (T) Method() {}", parser.SkipObjectResolution)
	if err == nil {
		err = r.read("broken", []*ast.File{file})
	}
	if found := r.unused(); err != nil || !slices.Equal(found, []string{"broken.alone"}) {
		t.Errorf("seen was %q, %v", found, err)
	}
}

// fileMakers are what makes or replaces a file, and who may beside internal/whole, which writes whole files.
var fileMakers = map[string]string{
	// For a compiler, in a folder that goes when it is done; bait that goes when it has been tried.
	"os.WriteFile":  "csrc.WriteSource cmd/au/verify.makeShares cmd/au/verify.tryWrites",
	"os.Create":     "",
	"os.CreateTemp": "cmd/au/verify.file cmd/au/verify.tryHome cmd/au/verify.trySetID cmd/au/verify.writeInHome",
	"os.Rename":     "netfilter/proxy.rotate",
	"os.Link":       "",
	"unix.Rename":   "", "unix.O_TMPFILE": "",
	// Of a draft, files and folders of the human are moved as they are, and its journal says which.
	"unix.Renameat":  "cmd/au/draft.ForgetUndo cmd/au/draft.end",
	"unix.Renameat2": "cmd/au/draft.begin cmd/au/draft.bringBack cmd/au/draft.lift cmd/au/draft.rename cmd/au/draft.writeJournal",
	"unix.Linkat":    "cmd/au/draft.link",
	"os.O_CREATE":    "cmd/au/rootside.openLock netfilter/proxy.open cmd/au/verify.CopyOf",                                                // a lock; a log, which grows; bait
	"unix.O_CREAT":   "provision/config.openLock provision/config.Append cmd/au/draft.lock cmd/au/draft.appendWhole cmd/au/draft.regular", // locks; lists, which grow; a copy that a journal names
}

// wholeFiles returns where files are made past internal/whole, and by what.
func (r *reader) wholeFiles() (lines []string) {
	for f, uses := range r.within {
		name := strings.TrimPrefix(f.Pkg().Path(), module)
		if name == "internal/whole" || slices.ContainsFunc(rests, func(rest string) bool { return strings.HasPrefix(name, rest) }) {
			continue
		}
		for _, u := range uses {
			what := u.what.Pkg().Name() + "." + u.what.Name()
			if may, ok := fileMakers[what]; ok && !slices.Contains(strings.Fields(may), name+"."+f.Name()) {
				lines = append(lines, name+"."+f.Name()+": "+what)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func TestWholeFilesHaveOneWriter(t *testing.T) {
	r := newReader(t)
	for _, line := range r.wholeFiles() {
		t.Errorf("internal/whole writes whole files: %s", line)
	}
	file, err := parser.ParseFile(r.files, "broken.go", `package broken; import "os"; func f() { os.OpenFile("x", os.O_WRONLY|os.O_CREATE, 0); os.Rename("x", "y") }`, parser.SkipObjectResolution)
	if err == nil {
		err = r.read("broken", []*ast.File{file})
	}
	if found := r.wholeFiles(); err != nil || !slices.Equal(found, []string{"broken.f: os.O_CREATE", "broken.f: os.Rename"}) {
		t.Errorf("seen was %q, %v", found, err)
	}
}

// machinery are the packages with which a program reads the machine, or changes it.
var machinery = []string{"os", "os/exec", "os/user", "path/filepath", "net", "syscall", "golang.org/x/sys/unix"}

// ends are what a program talks to whoever started it with.
var ends = []string{"os.Args", "os.Exit", "os.Stdin", "os.Stdout", "os.Stderr", "os.Getenv", "os.Pipe", "os.File.*", "os.Process.*", "exec.Cmd.*"}

// past are the files of commands that read or change the machine past cmd/au/host, cmd/au/rootside and provision/step.
var past = map[string]string{
	"app.go":        "becomes the human, where root acts for them",
	"draft_diff.go": "the environment of the human's pager, and of the program of --tool",
	"files_acl.go":  "changes ACLs as the human, file by file",
	"entrypoint.go": "a folder to compile in",
	"new.go":        "that folder goes, and a run of it can be interrupted",
	"render.go":     "files of a NixOS build",
}

// pastHost returns where files of a package work on the machine by themselves, by file.
func (r *reader) pastHost(name string) map[string][]string {
	found := map[string][]string{}
	for _, u := range r.uses[name] {
		by := r.effectOf(u.what)
		talk := slices.ContainsFunc(ends, func(pattern string) bool { ok, _ := path.Match(pattern, by); return ok })
		if by == "" || talk || !slices.Contains(machinery, u.what.Pkg().Path()) {
			continue
		}
		file := path.Base(r.files.Position(u.at).Filename)
		found[file] = append(found[file], by)
	}
	return found
}

func TestCommandsReadTheMachineThroughHost(t *testing.T) {
	r := newReader(t)
	found := r.pastHost("cmd/au")
	for file, by := range found {
		if past[file] == "" {
			t.Errorf("cmd/au/%s uses %s: reading goes to cmd/au/host, root's work to cmd/au/rootside, and a change to a step", file, strings.Join(by, ", "))
		}
	}
	for file := range past {
		if found[file] == nil {
			t.Errorf("cmd/au/%s does nothing past them any more", file)
		}
	}
	text := `package broken; import ("os"; "os/exec"; "golang.org/x/sys/unix"); func f() { os.Stat("/"); exec.Command("id"); unix.Kill(1, unix.SIGTERM); os.Stdout.Write(nil) }`
	file, err := parser.ParseFile(r.files, "broken.go", text, parser.SkipObjectResolution)
	if err == nil {
		err = r.read("broken", []*ast.File{file})
	}
	if found := r.pastHost("broken"); err != nil || !slices.Equal(found["broken.go"], []string{"os.Stat", "exec.Command", "unix.Kill"}) {
		t.Errorf("seen was %q, %v", found, err)
	}
}

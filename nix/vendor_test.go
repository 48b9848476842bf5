// SPDX-License-Identifier: GPL-3.0-or-later

// Package nix_test keeps what the flake states true, without nix.
package nix_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what is not true any more")

// writeNAR writes the file or folder in the form that nix hashes. A string is its length and its bytes, filled up to eight.
func writeNAR(w io.Writer, path string) error {
	str := func(s string) {
		_ = binary.Write(w, binary.LittleEndian, uint64(len(s)))
		_, _ = io.WriteString(w, s+"\x00\x00\x00\x00\x00\x00\x00"[:(8-len(s)%8)%8])
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	str("(")
	defer str(")")
	str("type")
	switch {
	case info.Mode().IsRegular():
		str("regular")
		if info.Mode()&0o100 != 0 {
			str("executable")
			str("")
		}
		text, err := os.ReadFile(path)
		str("contents")
		str(string(text))
		return err
	case !info.IsDir():
		return fmt.Errorf("%s: neither a file nor a folder", path)
	}
	str("directory")
	entries, err := os.ReadDir(path) // sorted, as nix wants it
	for _, e := range entries {
		str("entry")
		str("(")
		str("name")
		str(e.Name())
		str("node")
		if err := writeNAR(w, filepath.Join(path, e.Name())); err != nil {
			return err
		}
		str(")")
	}
	return err
}

// narHash returns the hash as nix hash path prints it.
func narHash(path string) (string, error) {
	sum := sha256.New()
	_, _ = io.WriteString(sum, "\x0d\x00\x00\x00\x00\x00\x00\x00nix-archive-1\x00\x00\x00")
	err := writeNAR(sum, path)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)), err
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// vendor writes the vendor folder of the files that package.nix takes, and returns where. The tree itself is not touched.
func vendor(t *testing.T) string {
	var sources []string
	readJSON(t, "sources.json", &sources)
	dir := t.TempDir()
	for _, name := range sources {
		from, err := filepath.Abs(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(from); err == nil { // a copy, for go mod vendor may write to go.mod
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
			if err != nil {
				t.Fatal(err)
			}
		} else if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "mod", "vendor")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go mod vendor: %v\n%s", err, out)
	}
	return filepath.Join(dir, "vendor")
}

func TestVendorHashIsThatOfTheVendorFolder(t *testing.T) {
	var hashes struct {
		VendorHash string `json:"vendorHash"`
	}
	readJSON(t, "hashes.json", &hashes)
	hash, err := narHash(vendor(t))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		text := fmt.Sprintf("{ \"vendorHash\": %q }\n", hash)
		if err := os.WriteFile("hashes.json", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if hash != hashes.VendorHash {
		t.Errorf("nix/hashes.json says %s where the vendor folder has %s: make nix-hash", hashes.VendorHash, hash)
	}
}

// A folder whose hash nix itself has printed (nix hash path), so that the test above does not depend on itself alone.
func TestNARHashIsWhatNixPrints(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/one": 0o644, "a/b/two": 0o755, "three 3": 0o600} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("the text of "+name+"\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	hash, err := narHash(dir)
	if want := "sha256-MFr5I0DYah5r2b1Rrg3AnQCkyE3D4W0HJqoa0CRYJ1M="; err != nil || hash != want {
		t.Errorf("got %s, %v where nix prints %s", hash, err, want)
	}
}

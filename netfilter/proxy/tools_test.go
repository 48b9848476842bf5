// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/counted"
)

// TestTools shows real programs: they do what is allowed, and say of what is not that it is policy.
func TestTools(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example", "ssh.example:22")
	w.repository(t)
	python := "import sys,urllib.request as u\nprint(u.urlopen(sys.argv[1]).read().decode())"
	node := "fetch(process.argv[1]).then(async r => console.log(r.status, await r.text())).catch(e => { console.log(String(e.cause)); process.exit(1) })"
	clone := filepath.Join(w.home(t), "clone")
	goProgram := w.ownProgram(t)
	module := []string{"env", "GOPROXY=https://attacker.example", "GOSUMDB=off", "GOFLAGS=-mod=mod", "GOPATH=" + clone + "go", "GOCACHE=" + clone + "cache", "GOTOOLCHAIN=local", "go", "list", "-m", "example.org/x@latest"}
	moduleHTTP := slices.Clone(module)
	moduleHTTP[1] = "GOPROXY=http://attacker.example"
	if path, err := exec.LookPath("go"); err == nil {
		module[7], moduleHTTP[7] = path, path
	}
	cases := map[string]struct {
		argv   []string
		status int
		want   string
	}{
		"git_clone": {[]string{"git", "clone", "-q", "https://allowed.example/files/repo.git", clone}, 0, ""},
		// "Access was denied" of GnuTLS, "access denied" of OpenSSL.
		"git_refused":      {[]string{"git", "clone", "https://attacker.example/files/repo.git", clone + "2"}, 128, "ccess"},
		"git_http_refused": {[]string{"git", "clone", "http://attacker.example/files/repo.git", clone + "3"}, 128, "403"},
		"git_ssh_refused":  {[]string{"git", "clone", "ssh://git@attacker.example/repo.git", clone + "4"}, 128, "au net allow --agent agent attacker.example:22"},
		"git_by_proxy":     {[]string{"git", "-c", "http.proxy=http://127.0.0.1:41000", "ls-remote", "https://attacker.example/files/repo.git"}, 128, "403"},
		"ssh_other_port":   {[]string{"ssh", "-o", "StrictHostKeyChecking=no", "-p", "2222", "ssh.example"}, 255, "port-not-allowed"},
		"python":           {[]string{"/usr/bin/python3", "-c", python, "https://allowed.example/"}, 0, "allowed.example at"},
		"python_refused":   {[]string{"/usr/bin/python3", "-c", python, "https://attacker.example/"}, 1, "access denied"},
		"python_http":      {[]string{"/usr/bin/python3", "-c", python, "http://attacker.example/"}, 1, "HTTP Error 403: Refused by policy of au (not-allowed)"},
		"node":             {[]string{"node", "-e", node, "https://allowed.example/"}, 0, "200 allowed.example at"},
		"node_refused":     {[]string{"node", "-e", node, "https://attacker.example/"}, 1, "alert access denied"},
		"node_http":        {[]string{"node", "-e", node, "http://attacker.example/"}, 0, "au net allow --agent agent attacker.example"},
		"go":               {[]string{goProgram, "net-get", "https://allowed.example/"}, 0, "allowed.example at"},
		"go_refused":       {[]string{goProgram, "net-get", "https://attacker.example/"}, 1, "remote error: tls: access denied"},
		"go_http":          {[]string{goProgram, "net-get", "http://attacker.example/"}, 0, "au net allow --agent agent attacker.example"},
		"go_module":        {module, 1, "tls: access denied"},
		"go_module_http":   {moduleHTTP, 1, "403 Refused by policy of au (not-allowed)"},
		"curl_refused":     {[]string{"curl", "-sS", "https://attacker.example/"}, 35, "access denied"},
		"curl_http":        {[]string{"curl", "-sS", "http://attacker.example/"}, 0, "not a failure"},
		"openssl":          {[]string{"sh", "-c", "echo Q | openssl s_client -connect allowed.example:443 -servername allowed.example -verify_return_error -CAfile $SSL_CERT_FILE 2>&1"}, 0, "Verify return code: 0 (ok)"},
		"openssl_refused":  {[]string{"openssl", "s_client", "-connect", "attacker.example:443"}, 1, "alert access denied"},
		"openssl_mismatch": {[]string{"openssl", "s_client", "-connect", allowedAddr + ":443", "-servername", "ssh.example"}, 1, "alert"},
		"openssl_no_name":  {[]string{"openssl", "s_client", "-connect", allowedAddr + ":443", "-noservername"}, 1, "alert access denied"},
		"pip_refused":      {[]string{"/usr/bin/python3", "-m", "pip", "download", "--no-cache-dir", "--retries", "0", "--index-url", "https://attacker.example/simple", "x"}, 1, "ACCESS_DENIED"},
		"pip_http_refused": {[]string{"/usr/bin/python3", "-m", "pip", "-vv", "download", "--no-cache-dir", "--retries", "0", "--index-url", "http://attacker.example/simple", "--trusted-host", "attacker.example", "x"}, 1, "Refused by policy of au"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			need(t, c.argv[0])
			if strings.HasPrefix(name, "go_module") {
				need(t, "go")
			}
			if strings.HasPrefix(name, "pip") && exec.Command("/usr/bin/python3", "-m", "pip", "--version").Run() != nil {
				t.Skip("needs pip")
			}
			out, status := w.agent(t, c.argv...)
			if status != c.status || !strings.Contains(out, c.want) {
				t.Errorf("%v ended with %d and said:\n%s\nwant %d and %q", c.argv, status, out, c.status, c.want)
			}
			t.Logf("%d: %s", status, out)
		})
	}
}

// ownProgram returns this program, where the agent can run it.
func (w *world) ownProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(w.dir, "program")
	if err := sh("cp /proc/" + strconv.Itoa(os.Getpid()) + "/exe " + program + ".new && chmod 755 " + program + ".new && mv " + program + ".new " + program); err != nil {
		t.Fatal(err)
	}
	return program
}

// goGet gets a page as any program of Go's does, and ends.
func goGet(url string) {
	resp, err := http.Get(url)
	if err != nil {
		fmt.Println(err)
		counted.Exit(1)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	io.Copy(os.Stdout, resp.Body)
	counted.Exit(0)
}

// repository makes a repository that any web server can serve.
func (w *world) repository(t *testing.T) {
	t.Helper()
	need(t, "git")
	dir := filepath.Join(w.dir, "www", "repo.git")
	if _, err := os.Stat(dir); err == nil {
		return
	}
	err := sh(`export HOME=` + w.dir + ` GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q ` + w.dir + `/work && cd ` + w.dir + `/work && echo hello > file && git add file && git commit -q -m one
git clone -q --bare . ` + dir + ` && git -C ` + dir + ` update-server-info`)
	if err != nil {
		t.Fatal(err)
	}
}

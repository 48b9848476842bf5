// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// client starts the process that w's connections come from.
func (s *setup) client(w *way) error {
	cmd := exec.Command(s.program, "client", filepath.Join(s.dir, "ca.pem"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: w.uid, Gid: w.uid}}
	var err error
	if w.ask, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	w.reply = bufio.NewReader(out)
	return s.start(cmd)
}

// measure has w's client do key for a moment, and returns what it measured.
func (w *way) measure(key string) ([]float64, error) {
	if _, err := fmt.Fprintln(w.ask, key); err != nil {
		return nil, err
	}
	line, err := w.reply.(*bufio.Reader).ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var v []float64
	return v, json.Unmarshal(line, &v)
}

// serveClient does what it reads the keys of.
func serveClient(caFile string) error {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	c := &user{tls: &tls.Config{ServerName: site, RootCAs: pool}}
	// The name is asked for once, as a program does; what is measured dials the address.
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, dnsAddr+":53")
	}}
	if _, err := resolver.LookupNetIP(context.Background(), "ip4", site); err != nil {
		return err
	}
	does := map[string]func() ([]float64, error){
		"tls_new":      func() ([]float64, error) { return times(200, func() error { return c.one(true) }) },
		"tls_parallel": func() ([]float64, error) { return c.rate(8, 400*time.Millisecond, func() error { return c.one(true) }) },
		"tls_bulk":     func() ([]float64, error) { return c.bulk(true, 96<<20) },
		"http_new":     func() ([]float64, error) { return times(200, func() error { return c.one(false) }) },
		"http_keep":    c.kept,
		"http_bulk":    func() ([]float64, error) { return c.bulk(false, 128<<20) },
		"tls_upload":   func() ([]float64, error) { return c.upload(96 << 20) },
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		v, err := does[lines.Text()]()
		if err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
			return err
		}
	}
	return nil
}

type user struct{ tls *tls.Config }

func (c *user) dial(secure bool) (net.Conn, error) {
	if !secure {
		return net.Dial("tcp", siteAddr+":80")
	}
	return tls.Dial("tcp", siteAddr+":443", c.tls)
}

// one makes a connection, asks for something small, and ends it.
func (c *user) one(secure bool) error {
	conn, err := c.dial(secure)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = ask(conn, bufio.NewReader(conn), "/small")
	return err
}

func ask(conn net.Conn, r *bufio.Reader, path string) (int64, error) {
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: "+site+"\r\n\r\n"); err != nil {
		return 0, err
	}
	return read(r)
}

// read reads a response to its end, and returns how long its body was.
func read(r *bufio.Reader) (int64, error) {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != 200 {
		return 0, fmt.Errorf("status %s", resp.Status)
	}
	return io.Copy(io.Discard, resp.Body)
}

// times returns how long f took each of n times, in µs.
func times(n int, f func() error) ([]float64, error) {
	all := make([]float64, n)
	for i := range all {
		began := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		all[i] = float64(time.Since(began).Nanoseconds()) / 1e3
	}
	return all, nil
}

// rate returns how often n do f in a second.
func (c *user) rate(n int, d time.Duration, f func() error) ([]float64, error) {
	var count atomic.Int64
	var failed atomic.Pointer[error]
	var wait sync.WaitGroup
	began := time.Now()
	for range n {
		wait.Go(func() {
			for time.Since(began) < d {
				if err := f(); err != nil {
					failed.Store(&err)
					return
				}
				count.Add(1)
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return []float64{float64(count.Load()) / time.Since(began).Seconds()}, nil
}

// kept returns how many requests a second one connection takes.
func (c *user) kept() ([]float64, error) {
	conn, err := c.dial(false)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	return c.rate(1, 300*time.Millisecond, func() error {
		_, err := ask(conn, r, "/small")
		return err
	})
}

// bulk returns how many MB a second come over one connection.
func (c *user) bulk(secure bool, size int64) ([]float64, error) {
	conn, err := c.dial(secure)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	began := time.Now()
	n, err := ask(conn, bufio.NewReaderSize(conn, 64<<10), fmt.Sprintf("/big?n=%d", size))
	if err == nil && n != size {
		err = fmt.Errorf("%d of %d bytes came", n, size)
	}
	return []float64{float64(size) / 1e6 / time.Since(began).Seconds()}, err
}

// upload returns how many MB a second go over one connection.
func (c *user) upload(size int64) ([]float64, error) {
	conn, err := c.dial(true)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	began := time.Now()
	if _, err := fmt.Fprintf(conn, "POST /sink HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", site, size); err != nil {
		return nil, err
	}
	buf := make([]byte, 256<<10)
	for left := size; left > 0; {
		n, err := conn.Write(buf[:min(left, int64(len(buf)))])
		if err != nil {
			return nil, err
		}
		left -= int64(n)
	}
	if _, err := read(bufio.NewReader(conn)); err != nil {
		return nil, err
	}
	return []float64{float64(size) / 1e6 / time.Since(began).Seconds()}, nil
}

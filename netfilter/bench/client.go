// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// client measures one row, and prints its number.
func client(key, caFile string) error {
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
	value, err := map[string]func() (float64, error){
		"tls_new":      func() (float64, error) { return c.median(300, c.oneTLS) },
		"tls_parallel": func() (float64, error) { return c.parallel(8, 3*time.Second, c.oneTLS) },
		"tls_bulk":     func() (float64, error) { return c.bulk(true, 300<<20) },
		"http_new":     func() (float64, error) { return c.median(500, c.oneHTTP) },
		"http_keep":    c.kept,
		"http_bulk":    func() (float64, error) { return c.bulk(false, 1<<30) },
	}[key]()
	if err != nil {
		return err
	}
	_, err = fmt.Println(value)
	return err
}

type user struct{ tls *tls.Config }

func (c *user) dial(secure bool) (net.Conn, error) {
	if !secure {
		return net.Dial("tcp", siteAddr+":80")
	}
	return tls.Dial("tcp", siteAddr+":443", c.tls)
}

func (c *user) oneTLS() error  { return c.one(true) }
func (c *user) oneHTTP() error { return c.one(false) }

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
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != 200 {
		return 0, fmt.Errorf("status %s", resp.Status)
	}
	return io.Copy(io.Discard, resp.Body)
}

// median returns how long f takes, in µs.
func (c *user) median(n int, f func() error) (float64, error) {
	times := make([]time.Duration, n)
	for i := range times {
		began := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return float64(times[n/2].Microseconds()), nil
}

// parallel returns how often n do f in a second.
func (c *user) parallel(n int, d time.Duration, f func() error) (float64, error) {
	var count, failed atomic.Int64
	var wait sync.WaitGroup
	end := time.Now().Add(d)
	for range n {
		wait.Go(func() {
			for time.Now().Before(end) {
				if f() != nil {
					failed.Add(1)
					return
				}
				count.Add(1)
			}
		})
	}
	wait.Wait()
	if failed.Load() > 0 {
		return 0, fmt.Errorf("%d failed", failed.Load())
	}
	return float64(count.Load()) / d.Seconds(), nil
}

// kept returns how many requests a second one connection takes.
func (c *user) kept() (float64, error) {
	conn, err := c.dial(false)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	return c.parallel(1, 2*time.Second, func() error {
		_, err := ask(conn, r, "/small")
		return err
	})
}

// bulk returns how many MB a second come over one connection.
func (c *user) bulk(secure bool, size int64) (float64, error) {
	conn, err := c.dial(secure)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	began := time.Now()
	n, err := ask(conn, bufio.NewReaderSize(conn, 64<<10), fmt.Sprintf("/big?n=%d", size))
	if err == nil && n != size {
		err = fmt.Errorf("%d of %d bytes came", n, size)
	}
	return float64(size) / 1e6 / time.Since(began).Seconds(), err
}

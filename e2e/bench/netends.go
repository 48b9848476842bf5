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
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// What is at both ends of the wires: a client that does what it reads the keys of, and the one site with its name.

func serveClient(caFile string) error {
	pem, err := os.ReadFile(caFile)
	exitOn(err)
	c := &client{tls.Config{ServerName: site, RootCAs: x509.NewCertPool()}}
	c.tls.RootCAs.AppendCertsFromPEM(pem)
	// The name is asked for once, as a program does; what is measured dials the address.
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, dnsAddr+":53")
	}}
	_, err = resolver.LookupNetIP(context.Background(), "ip4", site)
	exitOn(err)
	tlsNew, httpNew := func() error { return c.on(true, 0, small) }, func() error { return c.on(false, 0, small) }
	does := map[string]func() ([]float64, error){
		"tls_new":      func() ([]float64, error) { return micros(200, tlsNew) },
		"tls_parallel": func() ([]float64, error) { return rate(8, 400*time.Millisecond, tlsNew) },
		"tls_bulk":     func() ([]float64, error) { return c.megabytes(true, 96<<20, download) },
		"tls_upload":   func() ([]float64, error) { return c.megabytes(true, 96<<20, upload) },
		"http_new":     func() ([]float64, error) { return micros(200, httpNew) },
		"http_keep":    c.kept,
		"http_bulk":    func() ([]float64, error) { return c.megabytes(false, 128<<20, download) },
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		v, err := does[lines.Text()]()
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
	}
	return nil
}

type client struct{ tls tls.Config }

// A deed is done on a connection, with so many bytes.
type deed func(conn net.Conn, r *bufio.Reader, size int64) error

// on does something on a new connection.
func (c *client) on(secure bool, size int64, do deed) error {
	conn, err := net.Dial("tcp", siteAddr+map[bool]string{true: ":443", false: ":80"}[secure])
	if err != nil {
		return err
	}
	if secure {
		conn = tls.Client(conn, &c.tls)
	}
	defer conn.Close()
	return do(conn, bufio.NewReaderSize(conn, 64<<10), size)
}

// ask sends a request and so many zeros, and reads the response of so many bytes to its end; 0 is any.
func ask(conn net.Conn, r *bufio.Reader, request string, zeros, size int64) error {
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", request, site, zeros); err != nil {
		return err
	}
	if err := writeZeros(conn, zeros); err != nil {
		return err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != 200 || size != 0 && n != size) {
		err = fmt.Errorf("status %s, %d bytes", resp.Status, n)
	}
	return err
}

func small(conn net.Conn, r *bufio.Reader, _ int64) error { return ask(conn, r, "GET /small", 0, 0) }

func download(conn net.Conn, r *bufio.Reader, size int64) error {
	return ask(conn, r, fmt.Sprintf("GET /big?n=%d", size), 0, size)
}

func upload(conn net.Conn, r *bufio.Reader, size int64) error {
	return ask(conn, r, "POST /sink", size, 0)
}

var someZeros [256 << 10]byte

func writeZeros(w io.Writer, size int64) (err error) {
	for ; size > 0 && err == nil; size -= int64(len(someZeros)) {
		_, err = w.Write(someZeros[:min(size, int64(len(someZeros)))])
	}
	return err
}

// micros returns how long f took each of n times, in µs.
func micros(n int, f func() error) (all []float64, err error) {
	for range n {
		began := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		all = append(all, float64(time.Since(began))/1e3)
	}
	return all, nil
}

// rate returns how often n do f in a second.
func rate(n int, d time.Duration, f func() error) ([]float64, error) {
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
func (c *client) kept() (v []float64, err error) {
	err = c.on(false, 0, func(conn net.Conn, r *bufio.Reader, _ int64) (err error) {
		v, err = rate(1, 300*time.Millisecond, func() error { return small(conn, r, 0) })
		return err
	})
	return v, err
}

// megabytes returns how many MB a second go over one connection, once hands are shaken.
func (c *client) megabytes(secure bool, size int64, move deed) (v []float64, err error) {
	err = c.on(secure, size, func(conn net.Conn, r *bufio.Reader, size int64) error {
		if shaken, ok := conn.(*tls.Conn); ok {
			if err := shaken.Handshake(); err != nil {
				return err
			}
		}
		began := time.Now()
		err := move(conn, r, size)
		v = []float64{float64(size) / 1e6 / time.Since(began).Seconds()}
		return err
	})
	return v, err
}

// serveSite serves the site and its name, until it is killed. Key and certificate are in dir.
func serveSite(dir string) error {
	cert, err := tls.LoadX509KeyPair(dir+"/ca.pem", dir+"/key.pem")
	exitOn(err)
	mux := http.NewServeMux()
	mux.HandleFunc("/small", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "small") })
	mux.HandleFunc("/big", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", r.FormValue("n"))
		n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
		writeZeros(rw, n)
	})
	mux.HandleFunc("/sink", func(_ http.ResponseWriter, r *http.Request) {
		// Hiding what else they can do, so that the buffer is used.
		io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r.Body}, make([]byte, 256<<10))
	})
	server := &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}}
	go func() { exitOn(server.ListenAndServe()) }() // on port 80
	go func() { exitOn(server.ListenAndServeTLS("", "")) }()
	return serveNames()
}

// serveNames answers every question for an IPv4 address with the site's.
func serveNames() error {
	conn, err := net.ListenPacket("udp", dnsAddr+":53")
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		m.Response, m.Additionals = true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			h := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 3600}
			m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.AResource{A: netip.MustParseAddr(siteAddr).As4()}}}
		}
		if out, err := m.Pack(); err == nil {
			conn.WriteTo(out, from)
		}
	}
}

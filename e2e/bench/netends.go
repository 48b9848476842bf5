// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// What is at both ends of the wires: a client that does what it reads the keys of, and the one site with its name.

func serveClient(caFile string) error {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	c := &client{tls.Config{ServerName: site, RootCAs: x509.NewCertPool()}}
	c.tls.RootCAs.AppendCertsFromPEM(pem)
	// The name is asked for once, as a program does; what is measured dials the address.
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, dnsAddr+":53")
	}}
	if _, err := resolver.LookupNetIP(context.Background(), "ip4", site); err != nil {
		return err
	}
	get := func(secure bool, path string) func() error {
		return func() error {
			return c.on(secure, func(conn net.Conn, r *bufio.Reader) error { return get(conn, r, path, 0) })
		}
	}
	does := map[string]func() ([]float64, error){
		"tls_new":      func() ([]float64, error) { return micros(200, get(true, "/small")) },
		"tls_parallel": func() ([]float64, error) { return rate(8, 400*time.Millisecond, get(true, "/small")) },
		"tls_bulk":     func() ([]float64, error) { return c.megabytes(true, 96<<20, download) },
		"tls_upload":   func() ([]float64, error) { return c.megabytes(true, 96<<20, upload) },
		"http_new":     func() ([]float64, error) { return micros(200, get(false, "/small")) },
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

// on does something on a new connection.
func (c *client) on(secure bool, do func(net.Conn, *bufio.Reader) error) error {
	conn, err := net.Dial("tcp", siteAddr+map[bool]string{true: ":443", false: ":80"}[secure])
	if err != nil {
		return err
	}
	if secure {
		conn = tls.Client(conn, &c.tls)
	}
	defer conn.Close()
	return do(conn, bufio.NewReaderSize(conn, 64<<10))
}

// get asks for path, and reads the response to its end.
func get(conn net.Conn, r *bufio.Reader, path string, size int64) error {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, site); err != nil {
		return err
	}
	return read(r, size)
}

// read reads a response to its end; size 0 is any.
func read(r *bufio.Reader, size int64) error {
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

func download(conn net.Conn, r *bufio.Reader, size int64) error {
	return get(conn, r, fmt.Sprintf("/big?n=%d", size), size)
}

func upload(conn net.Conn, r *bufio.Reader, size int64) error {
	if _, err := fmt.Fprintf(conn, "POST /sink HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", site, size); err != nil {
		return err
	}
	if err := writeZeros(conn, size); err != nil {
		return err
	}
	return read(r, 0)
}

func writeZeros(w io.Writer, size int64) error {
	buf := make([]byte, 256<<10)
	for ; size > 0; size -= int64(len(buf)) {
		if _, err := w.Write(buf[:min(size, int64(len(buf)))]); err != nil {
			return err
		}
	}
	return nil
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
	err = c.on(false, func(conn net.Conn, r *bufio.Reader) (err error) {
		v, err = rate(1, 300*time.Millisecond, func() error { return get(conn, r, "/small", 0) })
		return err
	})
	return v, err
}

// megabytes returns how many MB a second go over one connection.
func (c *client) megabytes(secure bool, size int64, move func(net.Conn, *bufio.Reader, int64) error) (v []float64, err error) {
	err = c.on(secure, func(conn net.Conn, r *bufio.Reader) error {
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

// serveSite serves the site and its name, until it is killed. It writes the site's certificate to caFile.
func serveSite(caFile string) error {
	cert, err := certificate(caFile)
	if err != nil {
		return err
	}
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
	plain, err := net.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	secure, err := net.Listen("tcp", ":443")
	if err != nil {
		return err
	}
	go server.Serve(plain)
	go server.ServeTLS(secure, "", "")
	return serveNames()
}

func certificate(file string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: site}, DNSNames: []string{site}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(file, text, 0o644)
}

// serveNames answers every question for an IPv4 address with the site's. The address comes a moment after the process, and in a
// namespace that has none yet any can be bound, and is then not used.
func serveNames() error {
	for !hasAddress(dnsAddr) {
		time.Sleep(20 * time.Millisecond)
	}
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

func hasAddress(addr string) bool {
	list, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(list, func(a net.Addr) bool { return strings.HasPrefix(a.String(), addr+"/") })
}

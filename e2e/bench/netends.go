// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// The two ends of the wires are a client that does something for a moment, and the one site with its name.

// filler is as many bytes as are asked for.
type filler struct{}

func (filler) Read(p []byte) (int, error) { return len(p), nil }

// copied copies n bytes, and hides what else both sides can do, so that its buffer is used.
func copied(to io.Writer, from io.Reader, n int64) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, min(n, 256<<10)+1))
}

// runClient prints what it measures for a key, in µs or times a second.
func runClient(key, caFile string) error {
	pem, err := os.ReadFile(caFile)
	exitOn(err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	// The name is asked for once, as a program does; what is measured dials the address.
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, dnsAddr+":53")
	}}
	_, err = resolver.LookupNetIP(context.Background(), "ip4", site)
	exitOn(err)
	scheme, kind, _ := strings.Cut(key, "_")
	port := map[string]string{"http": ":80", "tls": ":443"}[scheme]
	c := client{url: map[string]string{"http": "http://", "tls": "https://"}[scheme] + site + "/", transport: http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: authorities}, DisableKeepAlives: kind == "new" || kind == "parallel",
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, siteAddr+port)
		}}}
	small := func() error { return c.ask("GET", 0, 5) }
	exitOn(small()) // what is kept is connected
	all, err := map[string]func() ([]float64, error){
		"new":      func() ([]float64, error) { return micros(200, small) },
		"parallel": func() ([]float64, error) { return rate(8, 400*time.Millisecond, small) },
		"keep":     func() ([]float64, error) { return rate(1, 300*time.Millisecond, small) },
		"bulk":     func() ([]float64, error) { return micros(1, func() error { return c.ask("GET", 0, bulk) }) },
		"upload":   func() ([]float64, error) { return micros(1, func() error { return c.ask("POST", bulk, 0) }) },
	}[kind]()
	for _, v := range all {
		fmt.Println(v)
	}
	return err
}

type client struct {
	url       string
	transport http.Transport
}

// ask sends so many bytes, and reads so many.
func (c *client) ask(method string, up, down int64) error {
	req, err := http.NewRequest(method, fmt.Sprint(c.url, down), nil)
	exitOn(err)
	if up > 0 {
		req.Body, req.ContentLength = io.NopCloser(io.LimitReader(filler{}, up)), up
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := copied(io.Discard, resp.Body, down)
	if err == nil && (resp.StatusCode != 200 || n != down) {
		err = fmt.Errorf("status %s, %d bytes", resp.Status, n)
	}
	return err
}

// bulk is how much goes over one connection where its rate is measured.
const bulk = 96 << 20

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
	var wait sync.WaitGroup
	failed := make([]error, n)
	began := time.Now()
	for i := range n {
		wait.Go(func() {
			for failed[i] == nil && time.Since(began) < d {
				failed[i] = f()
				count.Add(1)
			}
		})
	}
	wait.Wait()
	return []float64{float64(count.Load()) / time.Since(began).Seconds()}, errors.Join(failed...)
}

// serveSite serves the site and its name, until it is killed: /N is N bytes. Key and certificate are in dir.
func serveSite(dir string) error {
	cert, err := tls.LoadX509KeyPair(dir+"/ca.pem", dir+"/key.pem")
	exitOn(err)
	answer := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		copied(io.Discard, r.Body, r.ContentLength)
		n, _ := strconv.ParseInt(r.URL.Path[1:], 10, 64)
		rw.Header().Set("Content-Length", fmt.Sprint(n))
		copied(rw, io.LimitReader(filler{}, n), n)
	})
	server := &http.Server{Handler: answer, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}}
	go func() { exitOn(server.ListenAndServe()) }() // on port 80
	go func() { exitOn(server.ListenAndServeTLS("", "")) }()
	return serveNames()
}

// serveNames answers every question for an IPv4 address with the site's, and others with nothing.
func serveNames() error {
	conn, err := net.ListenPacket("udp", dnsAddr+":53")
	exitOn(err)
	for buf := make([]byte, 4096); ; {
		n, from, err := conn.ReadFrom(buf)
		exitOn(err)
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 3600},
				Body: &dnsmessage.AResource{A: netip.MustParseAddr(siteAddr).As4()}}}
		}
		reply, err := m.Pack()
		exitOn(err)
		conn.WriteTo(reply, from)
	}
}

// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
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
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// serveInternet serves the one site and its name, until it is killed. It writes
// the site's certificate to caFile.
func serveInternet(caFile string) error {
	cert, err := certificate(caFile)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/small", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "small") })
	mux.HandleFunc("/big", large)
	mux.HandleFunc("/sink", func(rw http.ResponseWriter, r *http.Request) {
		io.CopyBuffer(plain{io.Discard}, plainReader{r.Body}, make([]byte, 256<<10))
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

func large(rw http.ResponseWriter, r *http.Request) {
	n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
	rw.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	buf := make([]byte, 256<<10)
	for n > 0 {
		part := buf[:min(n, int64(len(buf)))]
		if _, err := rw.Write(part); err != nil {
			return
		}
		n -= int64(len(part))
	}
}

// These hide what else a writer and a reader can do, so that the given buffer is used.
type plain struct{ io.Writer }
type plainReader struct{ io.Reader }

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

// serveNames answers every question for an IPv4 address with the site's. The
// address comes a moment after the process.
func serveNames() error {
	// In a namespace that has no address at all yet any can be bound, and none is then used.
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

// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	stdlog "log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// serve starts the Internet: a name server, web servers on every address that
// say who they are, and one that speaks first, as SSH does.
func (w *world) serve() error {
	var err error
	if w.ca, err = newAuthority(filepath.Join(w.dir, "ca.pem")); err != nil {
		return err
	}
	if w.names, err = w.newNameServer(); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(w.dir, "www"), 0o755); err != nil {
		return err
	}
	for _, addr := range []string{allowedAddr, allowedAddr6, attackerAddr, insideAddr, "93.184.0.11"} {
		if err := w.serveWeb(addr); err != nil {
			return err
		}
	}
	return w.serveBanner(sshAddr, 22)
}

func (w *world) serveWeb(addr string) error {
	key, config, err := newECH("allowed.example")
	if err != nil {
		return err
	}
	if addr == allowedAddr {
		w.ech = config
	}
	keys := []tls.EncryptedClientHelloKey{{Config: config[2:], PrivateKey: key.Bytes()}}
	for _, port := range []int{80, 443, 8443} {
		ln, err := w.listen(addr, port)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: w.site(addr), TLSConfig: &tls.Config{GetCertificate: w.ca.certificate, EncryptedClientHelloKeys: keys}, ErrorLog: quiet}
		if port == 80 {
			go server.Serve(ln)
		} else {
			go server.ServeTLS(ln, "", "")
		}
	}
	return nil
}

var quiet = stdlog.New(io.Discard, "", 0)

// site is every web site at once.
func (w *world) site(addr string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		w.hit(r.Host, addr)
		io.Copy(io.Discard, r.Body)
		fmt.Fprintf(rw, "%s at %s\n", r.Host, addr)
	})
	mux.HandleFunc("/echo", func(rw http.ResponseWriter, r *http.Request) {
		http.NewResponseController(rw).EnableFullDuplex()
		io.Copy(rw, r.Body)
	})
	mux.HandleFunc("/big", func(rw http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		if r.FormValue("chunked") == "" {
			rw.Header().Set("Content-Length", strconv.Itoa(n))
		}
		io.CopyN(rw, zeros{}, int64(n))
	})
	mux.HandleFunc("/upgrade", upgrade)
	mux.HandleFunc("/slow", func(rw http.ResponseWriter, r *http.Request) {
		for range 600 {
			if _, err := io.WriteString(rw, "tick\n"); err != nil {
				return
			}
			rw.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	})
	mux.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(filepath.Join(w.dir, "www")))))
	return mux
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// upgrade switches to a protocol of its own, which says back what it hears.
func upgrade(rw http.ResponseWriter, r *http.Request) {
	conn, buf, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
	io.Copy(conn, buf)
}

// serveBanner greets and then echoes, in capitals.
func (w *world) serveBanner(addr string, port int) error {
	ln, err := w.listen(addr, port)
	if err != nil {
		return err
	}
	go serve(ln, func(conn net.Conn) {
		io.WriteString(conn, "HELLO\n")
		buf := make([]byte, 1024)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			io.WriteString(conn, strings.ToUpper(string(buf[:n])))
		}
	})
	return nil
}

// serve hands each connection to handle, several at once, and closes it then. It
// ends with the listener.
func serve(ln net.Listener, handle func(net.Conn)) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			handle(conn)
		}()
	}
}

// An authority signs for any name.
type authority struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(file string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &authority{file: file, cert: cert, key: key}, os.WriteFile(file, text, 0o644)
}

func (a *authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hello.ServerName
	if name == "" {
		name = "nameless.example"
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, err
}

// A nameServer answers from a table, and remembers what it was asked.
type nameServer struct {
	mu    sync.Mutex
	names map[string][]netip.Addr
	alias map[string]string
	asked []string
}

func (w *world) newNameServer() (*nameServer, error) {
	s := &nameServer{names: map[string][]netip.Addr{}, alias: map[string]string{}}
	s.set("allowed.example", allowedAddr, allowedAddr6)
	s.set("other.example", "93.184.0.11")
	s.set("attacker.example", attackerAddr, "2606:4700:1::66")
	s.set("ssh.example", sshAddr)
	s.set("inside.example", insideAddr)
	s.set("mixed.example", insideAddr, allowedAddr)
	s.set("self.example", "198.51.100.2")
	s.alias["alias.example"] = "allowed.example"
	var conn net.PacketConn
	err := w.inInternet(func() (err error) {
		conn, err = net.ListenPacket("udp", dnsAddr+":53")
		return err
	})
	if err == nil {
		go s.serveUDP(conn)
	}
	return s, err
}

func (s *nameServer) set(name string, addrs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = nil
	for _, a := range addrs {
		s.names[name] = append(s.names[name], netip.MustParseAddr(a))
	}
}

func (s *nameServer) askedFor(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.asked {
		if n == name {
			return true
		}
	}
	return false
}

func (s *nameServer) serveUDP(conn net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		if out, err := s.answer(m); err == nil {
			conn.WriteTo(out, from)
		}
	}
}

func (s *nameServer) answer(m dnsmessage.Message) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	s.asked = append(s.asked, name)
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	owner := q.Name
	if target, ok := s.alias[name]; ok {
		to := dnsmessage.MustNewName(target + ".")
		h := dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET, TTL: 60}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: to}})
		owner, name = to, target
	}
	addrs, known := s.names[name]
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addrs {
		h := dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET, TTL: 60}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m.Pack()
}

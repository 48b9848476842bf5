// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// lingerFor is how long a client has to read why it was refused.
const lingerFor = time.Second

// refuse logs a refusal and tells it in the client's own protocol, as far as
// that is known.
func (s *session) refuse(kind string, t target, v netfilter.Verdict) {
	v.OK = false
	s.d.record(kind, s.d.judge.guess(t, v.Code), v, "")
	if len(s.seen) == 0 {
		_ = s.conn.SetReadDeadline(time.Now().Add(hurryWithin)) // fails only on a closed connection
		if s.peek() != nil {
			s.reset()
			return
		}
	}
	s.say(s.words(t, v))
}

// words returns v as the protocol of what was seen says it; nothing where there
// is no way.
func (s *session) words(t target, v netfilter.Verdict) []byte {
	switch {
	case len(s.seen) == 0, v.Code == netfilter.Unreachable && !looksLikeHTTP(s.seen):
		return nil
	case s.seen[0] == 0x16:
		return alert(alertFor(v.Code))
	case looksLikeHTTP(s.seen):
		return s.d.judge.explain(v, t).response()
	case bytes.HasPrefix(s.seen, []byte("SSH-")):
		return sshDisconnect(s.d.judge.explain(v, t).line())
	}
	return nil
}

func alertFor(code netfilter.Code) byte {
	switch code {
	case netfilter.Mismatch:
		return alertUnrecognizedName
	case netfilter.Malformed:
		return alertDecodeError
	case netfilter.Overload, netfilter.ProxyFails:
		return alertInternal
	}
	return alertAccessDenied
}

// say sends the last words and ends the connection.
func (s *session) say(words []byte) {
	s.seen = nil
	s.leaveRoom()
	if !s.d.refusals.Wait(showWithin) || words == nil {
		s.reset()
		return
	}
	_ = s.conn.SetDeadline(time.Now().Add(lingerFor)) // fails only on a closed connection
	if s.lastWords(words) != nil {
		return
	}
	s.farewell()
}

// lastWords sends words so that the end of the connection goes in the same packet.
func (s *session) lastWords(words []byte) error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	sent := 0
	err = raw.Control(func(fd uintptr) {
		// Bytes that do not go at once go below.
		if n, err := unix.SendmsgN(int(fd), words, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT); err == nil {
			sent = n
		}
	})
	if err == nil && sent < len(words) {
		_, err = s.conn.Write(words[sent:])
	}
	return err
}

// farewell ends the connection so that what was written last arrives: closed with
// bytes unread it would be reset, and those words lost.
func (s *session) farewell() {
	_ = s.conn.SetDeadline(time.Now().Add(lingerFor)) // fails only on a closed connection
	if s.conn.CloseWrite() != nil {
		return
	}
	select {
	case s.d.linger <- struct{}{}:
		defer func() { <-s.d.linger }()
		_, _ = io.CopyN(io.Discard, plainReader{s.conn}, 1<<20)
	default:
	}
}

// plainReader hides what else r can do, so that nothing is read into large buffers.
type plainReader struct{ r io.Reader }

func (p plainReader) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), 2048)]) }

// statusOf returns the HTTP status that goes with a code.
func statusOf(code netfilter.Code) int {
	switch code {
	case netfilter.Malformed:
		return 400
	case netfilter.Unreachable, netfilter.NotResolved, netfilter.ProxyRefuses, netfilter.ProxyFails:
		return 502
	case netfilter.Overload:
		return 503
	}
	return 403
}

// response returns d as a whole HTTP response, the last on its connection. The
// reason phrase says it too: many programs show nothing else.
func (d denial) response() []byte {
	page := d.page()
	phrase := map[int]string{
		400: "Bad Request", 502: "Bad Gateway", 503: "Service Unavailable", 403: "Refused by policy of au",
	}[statusOf(d.code)]
	return fmt.Appendf(nil, "HTTP/1.1 %d %s (%s)\r\nAu-Reason: %s\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Cache-Control: no-store\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		statusOf(d.code), phrase, d.code, d.code, len(page), page)
}

// plainError returns the response of a server behind a proxy, with words of ours in place of its page.
func plainError(h *head, status int) []byte {
	for _, name := range []string{"Content-Length", "Transfer-Encoding", "Content-Encoding", "Content-Type", "Content-Language", "Trailer", "Connection", "Keep-Alive"} {
		h.drop(name)
	}
	page := fmt.Sprintf("au: status %d, of the server or of the proxy on the way to it; its page is withheld, since a proxy may show its login there\n", status)
	h.fields = append(h.fields, field{"Content-Type", "text/plain; charset=utf-8"}, field{"Content-Length", fmt.Sprint(len(page))}, field{"Connection", "close"})
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	h.write(w)
	_ = w.Flush() // a Buffer takes all
	return append(b.Bytes(), page...)
}

// sshDisconnect returns what makes an SSH client print text and leave: a version
// line and SSH_MSG_DISCONNECT, which may come before keys are agreed.
func sshDisconnect(text string) []byte {
	payload := []byte{1}                                // SSH_MSG_DISCONNECT
	payload = binary.BigEndian.AppendUint32(payload, 1) // host not allowed to connect
	payload = binary.BigEndian.AppendUint32(payload, uint32(len(text)))
	payload = append(payload, text...)
	payload = binary.BigEndian.AppendUint32(payload, 0) // no language tag
	padding := 8 - (len(payload)+5)%8
	if padding < 4 {
		padding += 8
	}
	packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	packet = append(packet, byte(padding))
	packet = append(packet, payload...)
	packet = append(packet, make([]byte, padding)...)
	return append([]byte("SSH-2.0-au\r\n"), packet...)
}

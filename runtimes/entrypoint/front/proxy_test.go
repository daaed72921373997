package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// proxied puts a front before the runtime of the tests, in this process; it gives its address.
func proxied(t *testing.T) (address string, log *strings.Builder) {
	t.Helper()
	runtime := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(runtime.Close)
	return proxiedTo(t, runtime.Listener.Addr().(*net.TCPAddr).Port)
}

func proxiedTo(t *testing.T, upstream int) (address string, log *strings.Builder) {
	t.Helper()
	log = &strings.Builder{}
	f := newFront(options{upstream: upstream, rewrite: map[string]string{"/health": "/api/health", "/tea": "/api/teapot"}}, log)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = f.server.Serve(listener) }()
	t.Cleanup(func() { f.server.Close() })
	return listener.Addr().String(), log
}

// ask sends a request as it is written, and reads the answer.
func ask(t *testing.T, address, text string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(text, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func askSeen(t *testing.T, address, text string) seen {
	t.Helper()
	response, body := ask(t, address, text)
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil || response.StatusCode != 200 {
		t.Fatalf("%s: %v, %q", response.Status, err, body)
	}
	return s
}

func TestPaths(t *testing.T) {
	address, _ := proxied(t)
	for target, want := range map[string]string{
		"/health":             "/api/health",
		"/health?a=1&b=%2F;c": "/api/health?a=1&b=%2F;c",
		"/health?":            "/api/health?",
		// Exactly that path, and nothing like it.
		"/health/": "", "/healthz": "", "//health": "", "/Health": "", "/%68ealth": "", "/health%3F": "", "/a/../health": "", "/health/../health": "", "/x?/health": "", "/api/health": "", "/": "",
		// As the client wrote it.
		"/a%2Fb/%41/é|\"{}^`": "", "/a+b%20c?d+e%20f": "", "/?x=%zz&y;z&=": "", "//double//slash%2F": "", "/:1/@:;,=&": "", "/a//b/./c/..": "",
	} {
		if want == "" {
			want = target
		}
		if got := askSeen(t, address, "GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n").URI; got != want {
			t.Errorf("%s became %s, want %s", target, got, want)
		}
	}
	got := askSeen(t, address, "GET http://elsewhere.test/health?q HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n")
	if got.URI != "/health?q" || got.Host != "elsewhere.test" {
		t.Errorf("a request to a proxy reached the runtime as %+v", got)
	}
}

func TestRequestsAndAnswersPassAsTheyAre(t *testing.T) {
	address, _ := proxied(t)
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PROPFIND"} {
		text := method + " /tea?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
		response, body := ask(t, address, text)
		want := "short and stout"
		if method == "HEAD" {
			want = ""
		}
		if response.StatusCode != 418 || response.Header.Get("X-Asked") != "/api/teapot?x=1" || body != want {
			t.Errorf("%s: %s %q %q", method, response.Status, response.Header, body)
		}
	}
	got := askSeen(t, address, "GET /x HTTP/1.1\r\nHost: claw.example:9\r\nAuthorization: Bearer b\r\nCookie: a=1; b=2\r\nOrigin: https://o\r\nTe: trailers\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n")
	if got.Host != "claw.example:9" || got.Header.Get("Authorization") != "Bearer b" || got.Header.Get("Cookie") != "a=1; b=2" || got.Header.Get("Origin") != "https://o" {
		t.Errorf("lost on the way: %+v", got)
	}
	for _, name := range []string{"X-Hop", "Accept-Encoding", "User-Agent"} {
		if value, has := got.Header[name]; has {
			t.Errorf("%s: %q came from nowhere", name, value)
		}
	}
}

func TestForwardedHeadersAreNotTheClients(t *testing.T) {
	address, _ := proxied(t)
	got := askSeen(t, address, "GET / HTTP/1.1\r\nHost: claw.example\r\nX-Forwarded-For: 127.0.0.1\r\nx-forwarded-for: ::1\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n"+
		"Forwarded: for=127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-User: admin\r\nX-Forwarded-Port: 1\r\nX-Other: kept\r\n\r\n")
	forwarded := map[string]string{}
	for name, values := range got.Header {
		if strings.Contains(name, "Forwarded") || name == "X-Real-Ip" || name == "X-Other" {
			forwarded[name] = strings.Join(values, ",")
		}
	}
	want := map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "claw.example", "X-Forwarded-Proto": "http", "X-Other": "kept"}
	if fmt.Sprint(forwarded) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", forwarded, want)
	}
}

func TestStreamsWithoutWaiting(t *testing.T) {
	address, _ := proxied(t)
	feed := t.TempDir()
	response, err := http.Get("http://" + address + "/stream?dir=" + feed) // the header comes before any event
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	events := bufio.NewReader(response.Body)
	for i := range 5 {
		line := fmt.Sprintf("data: event %d\n", i)
		put(t, feed, strconv.Itoa(i), fmt.Sprintf("event %d", i))
		var got string
		done := make(chan struct{})
		go func() {
			got, err = events.ReadString('\n')
			if err == nil {
				_, err = events.ReadString('\n')
			}
			close(done)
		}()
		within(t, 5*time.Second, line, done)
		if err != nil || got != line {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	put(t, feed, "end", "")
	if rest, err := io.ReadAll(events); err != nil || len(rest) != 0 {
		t.Errorf("rest %q, %v", rest, err)
	}
}

// A runtime may refuse a request before it has read it all, and many do.
func TestRefusedBeforeTheBodyIsRead(t *testing.T) {
	address, log := proxied(t)
	for range 200 {
		response, err := http.Post("http://"+address+"/refuse", "text/plain", strings.NewReader(strings.Repeat("x", 100_000)))
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusUnauthorized {
			t.Fatalf("status %d", response.StatusCode)
		}
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}
}

func TestUpgradedConnection(t *testing.T) {
	address, _ := proxied(t)
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	answers := bufio.NewReader(conn)
	response, err := http.ReadResponse(answers, nil)
	if err != nil || response.StatusCode != 101 || response.Header.Get("Upgrade") != "websocket" || response.Header.Get("X-Key") != "dGhlIHNhbXBsZSBub25jZQ==" {
		t.Fatalf("%v, %+v", err, response)
	}
	for _, frame := range []string{"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("\x00\xff", 1<<15), "\x89\x00"} {
		go fmt.Fprint(conn, frame)
		echo := make([]byte, len(frame))
		if _, err := io.ReadFull(answers, echo); err != nil || string(echo) != frame {
			t.Fatalf("a frame of %d bytes came back as %d others, %v", len(frame), len(echo), err)
		}
	}
}

func TestLargeBodies(t *testing.T) {
	address, _ := proxied(t)
	const size = 48 << 20
	hash := sha256.New()
	if _, err := io.CopyN(hash, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	for name, length := range map[string]int64{"known length": size, "chunked": -1} {
		request, err := http.NewRequest("POST", "http://"+address+"/sum", io.LimitReader(zeros{}, size))
		if err != nil {
			t.Fatal(err)
		}
		request.ContentLength = length
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if want := fmt.Sprintf("%d %x", size, hash.Sum(nil)); err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, want)
		}
	}
	response, err := http.Get(fmt.Sprintf("http://%s/large?bytes=%d", address, size))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); err != nil || n != size {
		t.Errorf("%d bytes came down, %v", n, err)
	}
}

func TestRuntimeThatDoesNotAnswer(t *testing.T) {
	const want = "the runtime does not answer\n"
	absent, _ := proxiedTo(t, freePort(t))
	for _, method := range []string{"GET", "POST"} {
		response, body := ask(t, absent, method+" /health HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
		if response.StatusCode != 502 || body != want || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %s %q %q", method, response.Status, response.Header, body)
		}
	}
	if response, body := ask(t, absent, "HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n"); response.StatusCode != 502 || body != "" {
		t.Errorf("HEAD: %s %q", response.Status, body)
	}

	address, log := proxied(t)
	if response, body := ask(t, address, "GET /garbage HTTP/1.1\r\nHost: h\r\n\r\n"); response.StatusCode != 502 || body != want {
		t.Errorf("garbage: %s %q", response.Status, body)
	}
	// The client must not take half an answer for a whole one.
	response, err := http.Get("http://" + address + "/break")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("half an answer was taken for %q", body)
	}
	if log.String() != "" {
		t.Errorf("logged: %q", log)
	}
}

func TestSlowHeaderIsCutOffAndSlowBodyIsNot(t *testing.T) {
	f := newFront(options{upstream: 1}, io.Discard)
	if s := f.server; s.ReadHeaderTimeout <= 0 || s.ReadTimeout != 0 || s.WriteTimeout != 0 {
		t.Errorf("header %v, body %v, answer %v", s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout)
	}
}

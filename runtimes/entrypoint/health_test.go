package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// answering starts a runtime whose answer the test gives; it returns its port.
func answering(t *testing.T, handler http.HandlerFunc) int {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().(*net.TCPAddr).Port
}

// speaking starts a server that sends raw bytes to whoever connects.
func speaking(t *testing.T, text string) int {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, text) // the client may have gone
				}
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func closedPort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestProbe(t *testing.T) {
	expect := map[string]any{"ok": true, "info": map[string]any{"state": "up"}}
	for _, c := range []struct {
		name, body string
		status     int
		expect     map[string]any
		want       string // "" = healthy
	}{
		{"status only", "hello", 200, nil, ""},
		{"no content", "", 204, nil, ""},
		{"bad status", `{"ok":true}`, 503, nil, "answered 503"},
		{"redirect", "", 302, nil, "answered 302"},
		{"expected", `{"ok":true,"info":{"state":"up","more":1},"uptime":3}`, 200, expect, ""},
		{"expected, bad status", `{"ok":true,"info":{"state":"up"}}`, 500, expect, "answered 500"},
		{"page of a wrong path", "<!doctype html>", 200, expect, "not valid JSON"},
		{"nothing", "", 200, expect, "not valid JSON"},
		{"a list", `[true]`, 200, expect, "lacks what is expected of info, ok"},
		{"member missing", `{"ok":true}`, 200, expect, "lacks what is expected"},
		{"nested member differs", `{"ok":true,"info":{"state":"S3CRET"}}`, 200, expect, "lacks what is expected"},
		{"other type", `{"ok":"true","info":{"state":"up"}}`, 200, expect, "lacks what is expected"},
		{"number by value", `{"n":1.0}`, 200, mustParse(t, `{"n":1}`).(map[string]any), ""},
		{"list as a whole", `{"l":[1,2]}`, 200, mustParse(t, `{"l":[1]}`).(map[string]any), "lacks what is expected"},
		{"large", `{"ok":true,"info":{"state":"up"},"x":"` + strings.Repeat("x", 900_000) + `"}`, 200, expect, ""},
		{"too large", `{"ok":true,"info":{"state":"up"},"x":"` + strings.Repeat("x", 1<<20) + `"}`, 200, expect, "larger than 1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/health" || r.URL.RawQuery != "a=1" || r.Host != fmt.Sprintf("127.0.0.1:%d", r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr).Port) {
					t.Errorf("asked for %s on %s", r.URL, r.Host)
				}
				w.WriteHeader(c.status)
				if c.body != "" {
					_, _ = io.WriteString(w, c.body) // a client that has seen enough hangs up
				}
			})
			err := probe(healthSpec{Port: port, Path: "/health?a=1", Expect: c.expect}, time.Second)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("not healthy: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "S3CRET")):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestProbeOfOddServers(t *testing.T) {
	expect := map[string]any{"ok": true}
	for text, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}and more": "",
		"HTTP/1.1 200\n\n{\"ok\":true}":                                      "",
		"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"ok\":true}":         "broke off",
		"HTTP/1.1 200 OK\r\nX: y\r\n":                                        "broke off",
		"SSH-2.0-OpenSSH\r\n":                                                "not HTTP",
		"HTTP/1.1 abc\r\n\r\n":                                               "not HTTP",
		"":                                                                   "no HTTP answer",
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("x: y\r\n", 200_000): "broke off",
	} {
		err := probe(healthSpec{Port: speaking(t, text), Path: "/", Expect: expect}, 2*time.Second)
		if (want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	if err := probe(healthSpec{Port: closedPort(t), Path: "/"}, time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("closed port: %v", err)
	}
	release := make(chan struct{})
	port := answering(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	start := time.Now()
	if err := probe(healthSpec{Port: port, Path: "/"}, 100*time.Millisecond); err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("a server that says nothing: %v after %v", err, time.Since(start))
	}
}

// quick makes the health check's waits short for one test.
func quick(t *testing.T) {
	oldRetry, oldFor, oldStart := retryInterval, retryFor, startInterval
	retryInterval, retryFor, startInterval = 20*time.Millisecond, 200*time.Millisecond, 10*time.Millisecond
	t.Cleanup(func() { retryInterval, retryFor, startInterval = oldRetry, oldFor, oldStart })
}

func TestHold(t *testing.T) {
	quick(t)
	var healthy atomic.Bool
	port := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		if !healthy.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s := &spec{Name: "testclaw", RunDir: t.TempDir(), Health: healthSpec{Port: port, Path: "/", StartupSeconds: 1}}
	mark := filepath.Join(s.RunDir, "healthy")
	const hold = 150 * time.Millisecond
	ask := func() (time.Duration, error) {
		start := time.Now()
		err := health(s, hold, io.Discard, io.Discard)
		return time.Since(start), err
	}
	marked := func() bool { _, err := os.Lstat(mark); return err == nil }

	if took, err := ask(); err == nil || took < 900*time.Millisecond || marked() {
		t.Errorf("never healthy: %v after %v, marked %v; want an error after the start-up time", err, took, marked())
	}
	time.AfterFunc(100*time.Millisecond, func() { healthy.Store(true) })
	if took, err := ask(); err != nil || took < 90*time.Millisecond || took > 700*time.Millisecond || !marked() {
		t.Errorf("becomes healthy: %v after %v, marked %v; want it at once", err, took, marked())
	}
	if took, err := ask(); err != nil || took < hold {
		t.Errorf("stays healthy: %v after %v; want it after the hold", err, took)
	}
	healthy.Store(false)
	time.AfterFunc(60*time.Millisecond, func() { healthy.Store(true) })
	if took, err := ask(); err != nil || took < hold || !marked() {
		t.Errorf("a short trouble: %v after %v", err, took)
	}
	healthy.Store(false)
	if took, err := ask(); err == nil || took < 150*time.Millisecond || took > 900*time.Millisecond || marked() {
		t.Errorf("a long trouble: %v after %v, marked %v", err, took, marked())
	}
	healthy.Store(true)
	if took, err := ask(); err != nil || took >= hold || !marked() {
		t.Errorf("healthy again: %v after %v; want it at once", err, took)
	}

	s.RunDir = filepath.Join(s.RunDir, "absent")
	var warning strings.Builder
	if err := health(s, hold, io.Discard, &warning); err != nil || !strings.Contains(warning.String(), "cannot leave the health marker") {
		t.Errorf("no place for the marker: %v, %q", err, warning.String())
	}
}

func TestHealthCommand(t *testing.T) {
	c := newClaw(t, "json", testDefault, testSchema)
	port := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) })
	c.spec["health"] = map[string]any{"port": port, "path": "/health", "expect": map[string]any{"ok": true}, "startupSeconds": 1}
	if got := c.mustRun(nil, "health"); got != "testclaw is healthy\n" {
		t.Errorf("stdout %q", got)
	}
	c.mustRun(nil, "health", "--hold", "10s")
	if mode(t, c.path("run/healthy")) != 0o600 {
		t.Error("no marker")
	}

	// While it holds it must end at once when asked to.
	cmd := c.command(nil, "health", "--hold=1h")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	start := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || time.Since(start) > time.Second {
		t.Errorf("SIGTERM: %v after %v", err, time.Since(start))
	}

	c.spec["health"].(map[string]any)["expect"] = map[string]any{"ok": false}
	c.refuses(nil, 1, "testclaw is not healthy: GET /health: the answer lacks", "health")
}

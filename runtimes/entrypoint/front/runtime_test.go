package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is the front and the runtime behind it, so that tests run real processes.
func TestMain(m *testing.M) {
	switch os.Getenv("ACT_AS") {
	case "first": // a front that gets the orphans, as the first process of a container does
		const setChildSubreaper = 36
		if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
			panic(errno)
		}
		fallthrough
	case "front":
		// The front starts its child with its own environment: that is a runtime.
		if err := os.Setenv("ACT_AS", "runtime"); err != nil {
			panic(err)
		}
		main()
	case "runtime":
		os.Exit(actAsRuntime())
	}
	os.Exit(m.Run())
}

// actAsRuntime serves until a signal, each of which it prints; SIGTERM ends it with EXIT_CODE.
func actAsRuntime() int {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, forwarded...)
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Getenv("UPSTREAM"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	go func() { fmt.Fprintln(os.Stderr, http.Serve(listener, http.HandlerFunc(answer))) }()
	fmt.Printf("up %d\n", os.Getpid())
	for received := range signals {
		fmt.Printf("got %v\n", received)
		if received == syscall.SIGTERM {
			break
		}
	}
	code, err := strconv.Atoi(os.Getenv("EXIT_CODE"))
	if err != nil {
		code = 98
	}
	return code
}

// answer is what the runtime of the tests serves.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/stream": // each file of the directory 0, 1, ... goes out as an event as soon as it is there, until there is one named end
		dir := r.URL.Query().Get("dir")
		w.Header().Set("Content-Type", "text/event-stream")
		control := http.NewResponseController(w)
		check(control.Flush())
		for i := 0; ; time.Sleep(5 * time.Millisecond) {
			if line, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i))); err == nil {
				fmt.Fprintf(w, "data: %s\n\n", line)
				check(control.Flush())
				i++
			} else if _, err := os.Stat(filepath.Join(dir, "end")); err == nil {
				return
			}
		}
	case "/refuse": // at once, whatever is still to come
		conn, _, err := http.NewResponseController(w).Hijack()
		check(err)
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn) // else the rest of the body would reset the connection
	case "/sum":
		hash := sha256.New()
		n, err := io.Copy(hash, r.Body)
		check(err)
		fmt.Fprintf(w, "%d %x", n, hash.Sum(nil))
	case "/large":
		n, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
		check(err)
		_, err = io.CopyN(w, zeros{}, n)
		check(err)
	case "/socket":
		conn, both, err := http.NewResponseController(w).Hijack()
		check(err)
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\nX-Key: %s\r\n\r\n", r.Header.Get("Upgrade"), r.Header.Get("Sec-WebSocket-Key"))
		_, _ = io.Copy(conn, both) // until the client has enough
	case "/break":
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "S3CRET")
		check(http.NewResponseController(w).Flush())
		panic(http.ErrAbortHandler)
	case "/garbage":
		conn, _, err := http.NewResponseController(w).Hijack()
		check(err)
		fmt.Fprint(conn, "S3CRET is not HTTP\r\n\r\n")
		check(conn.Close())
	case "/slow": // half an answer, the rest when the runtime is told to end
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "first")
		check(http.NewResponseController(w).Flush())
		<-r.Context().Done()
	case "/api/teapot":
		w.Header().Set("X-Asked", r.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "short and stout")
	default:
		w.Header().Set("Content-Type", "application/json")
		check(json.NewEncoder(w).Encode(seen{r.Method, r.RequestURI, r.Host, r.Header}))
	}
}

// seen is what of a request reached the runtime.
type seen struct {
	Method, URI, Host string
	Header            http.Header
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// process is a running front and what its runtime prints.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	errors *strings.Builder
	port   int
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// begin starts a front; with no command, the runtime of the tests is behind it.
func begin(t *testing.T, environ []string, command ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if len(command) == 0 {
		command = []string{self}
	}
	p := &process{t: t, errors: &strings.Builder{}, port: freePort(t)}
	upstream := strconv.Itoa(freePort(t))
	p.cmd = exec.Command(self, append([]string{fmt.Sprintf("--listen=%d", p.port), "--upstream=" + upstream, "--rewrite=/health=/api/health", "--rewrite=/tea=/api/teapot", "--"}, command...)...)
	p.cmd.Env = append(append(os.Environ(), "ACT_AS=front", "UPSTREAM="+upstream), environ...)
	p.cmd.Stderr = p.errors
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill() // may have ended by now
			_ = p.cmd.Wait()
		}
	})
	return p
}

// line is what the runtime prints next.
func (p *process) line() string {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatalf("the runtime says nothing more: %v, stderr %q", p.lines.Err(), p.errors)
	}
	return p.lines.Text()
}

// up waits for the runtime and gives its pid.
func (p *process) up() int {
	p.t.Helper()
	number, found := strings.CutPrefix(p.line(), "up ")
	pid, err := strconv.Atoi(number)
	if !found || err != nil {
		p.t.Fatalf("not up: %q", p.lines.Text())
	}
	return pid
}

func (p *process) signal(number syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(number); err != nil {
		p.t.Fatal(err)
	}
}

// end waits for the exit code.
func (p *process) end() int {
	p.t.Helper()
	for p.lines.Scan() { // Wait closes the pipe
	}
	_ = p.cmd.Wait() // says what the exit code says
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path) }

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// within fails a test that waits for ever.
// put makes a file that is whole as soon as it is there.
func put(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "."+name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "."+name), filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T, limit time.Duration, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s: not within %v", what, limit)
	}
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func TestSignalsReachTheRuntimeOnce(t *testing.T) {
	p := begin(t, []string{"EXIT_CODE=7"})
	p.up()
	for _, number := range forwarded {
		if number == syscall.SIGTERM {
			continue
		}
		p.signal(number.(syscall.Signal))
		if got, want := p.line(), fmt.Sprintf("got %v", number); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	p.signal(syscall.SIGTERM)
	if got := p.line(); got != "got terminated" {
		t.Error(got)
	}
	if code := p.end(); code != 7 || p.errors.String() != "" {
		t.Errorf("exit %d, stderr %q", code, p.errors)
	}
}

func TestExitCodes(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 42": 42, "exit 255": 255, "kill -9 $$": 137, "kill -TERM $$": 143, "kill -ABRT $$": 134} {
		p := begin(t, nil, "/bin/sh", "-c", script)
		if code := p.end(); code != want || p.errors.String() != "" {
			t.Errorf("%s: exit %d, stderr %q", script, code, p.errors)
		}
	}
	for _, c := range []struct {
		command string
		code    int
		want    string
	}{{"/nowhere/program", 126, "cannot execute /nowhere/program: no such file"}, {os.DevNull, 126, "permission denied"}} {
		p := begin(t, nil, c.command)
		if code := p.end(); code != c.code || !strings.HasPrefix(p.errors.String(), "front: ") || !strings.Contains(p.errors.String(), c.want) || strings.Count(p.errors.String(), "\n") != 1 {
			t.Errorf("%s: exit %d, stderr %q", c.command, code, p.errors)
		}
	}
}

func TestPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	cmd := exec.Command(self, fmt.Sprintf("--listen=%d", port), "--upstream=1", "--", "/bin/echo", "started")
	cmd.Env = append(os.Environ(), "ACT_AS=front")
	out, err := cmd.CombinedOutput()
	want := fmt.Sprintf("front: cannot listen on port %d: bind: address already in use\n", port)
	if err == nil || cmd.ProcessState.ExitCode() != 1 || string(out) != want {
		t.Errorf("%v, %q, want %q", err, out, want)
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, args := range []string{"", "--listen 1 --upstream 2", "--listen 1 --upstream 1 -- x", "--listen 0 --upstream 2 -- x", "--listen 1 --upstream 65536 -- x",
		"--listen 1 --upstream 2 --rewrite a=/b -- x", "--listen 1 --upstream 2 --rewrite /a -- x", "--other -- x"} {
		if o, err := parseOptions(strings.Fields(args)); err == nil {
			t.Errorf("%s: taken as %+v", args, o)
		}
	}
	o, err := parseOptions(strings.Fields("--listen=1 --upstream=2 --rewrite=/a=/b=c --rewrite=/d=/e -- x --listen 3"))
	if err != nil || o.rewrite["/a"] != "/b=c" || o.rewrite["/d"] != "/e" || strings.Join(o.command, " ") != "x --listen 3" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestRuntimeBehindARealFront(t *testing.T) {
	p := begin(t, []string{"EXIT_CODE=0"})
	// The front is there before the runtime is, and says so.
	p.up()
	status, body := get(t, p.url("/health?x=%20"))
	if status != 200 || !strings.Contains(body, `"URI":"/api/health?x=%20"`) || !strings.Contains(body, fmt.Sprintf(`"Host":"127.0.0.1:%d"`, p.port)) {
		t.Errorf("%d %s", status, body)
	}

	if status, _ := get(t, p.url("/garbage")); status != 502 {
		t.Errorf("garbage: %d", status)
	}
	if response, err := http.Get(p.url("/break")); err != nil {
		t.Error(err)
	} else {
		_, _ = io.ReadAll(response.Body) // breaks off
		response.Body.Close()
	}

	// What the runtime sent before it ended is not lost, and its end is the front's end.
	response, err := http.Get(p.url("/slow"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("%q, %v", first, err)
	}
	start := time.Now()
	p.signal(syscall.SIGTERM)
	if rest, err := io.ReadAll(response.Body); !errors.Is(err, io.ErrUnexpectedEOF) || len(rest) != 0 {
		t.Errorf("rest %q, %v", rest, err)
	}
	if code := p.end(); code != 0 || time.Since(start) >= drainTimeout || p.errors.String() != "" {
		t.Errorf("exit %d after %v, stderr %q", code, time.Since(start), p.errors)
	}
	if conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", p.port)); err == nil {
		conn.Close()
		t.Error("something still listens")
	}
}

func TestFrontAnswersBeforeTheRuntime(t *testing.T) {
	release := t.TempDir() + "/go"
	p := begin(t, nil, "/bin/sh", "-c", `echo up 1; until [ -e "$0" ]; do sleep 0.02; done; exit 3`, release)
	p.up()
	if status, body := get(t, p.url("/health")); status != 502 || body != "the runtime does not answer\n" {
		t.Errorf("%d %q", status, body)
	}
	if err := os.WriteFile(release, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := p.end(); code != 3 || p.errors.String() != "" {
		t.Errorf("exit %d, stderr %q", code, p.errors)
	}
}

// The runtime has ended, but not all that it said has reached the clients.
func TestDrain(t *testing.T) {
	release := t.TempDir() + "/go"
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := begin(t, nil, "/bin/sh", "-c", `"$1" & until [ -e "$0" ]; do sleep 0.02; done; exit 9`, release, self)
	speaker := p.up()
	defer func() { _ = syscall.Kill(speaker, syscall.SIGKILL) }() // has ended, if all is well
	feed := t.TempDir()
	response, err := http.Get(p.url("/stream?dir=" + feed))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := os.WriteFile(release, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for { // until the front has taken notice
		conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", p.port))
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(10 * time.Millisecond)
	}
	put(t, feed, "0", "last words")
	put(t, feed, "end", "")
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != "data: last words\n\n" {
		t.Errorf("%q, %v", got, err)
	}
	if err := syscall.Kill(speaker, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if code := p.end(); code != 9 {
		t.Errorf("exit %d", code)
	}
}

// A client that does not read must not keep the container from ending.
func TestClientThatHangsOn(t *testing.T) {
	p := begin(t, []string{"EXIT_CODE=5"})
	p.up()
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != 101 {
		t.Fatalf("%v, %+v", err, response)
	}
	start := time.Now()
	p.signal(syscall.SIGTERM)
	if code := p.end(); code != 5 || time.Since(start) > drainTimeout+2*time.Second {
		t.Errorf("exit %d after %v", code, time.Since(start))
	}
}

func TestRuntimeDiesWithTheFront(t *testing.T) {
	p := begin(t, nil)
	pid := p.up()
	p.signal(syscall.SIGKILL)
	_ = p.cmd.Wait() // killed
	dead := func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(state), ") Z ") || strings.Contains(string(state), ") X ")
	}
	for deadline := time.Now().Add(10 * time.Second); !dead(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // has perhaps ended now
			t.Fatal("the runtime outlived the front")
		}
	}
}

// As the first process of a container it is the parent of all orphans.
func TestOrphansAreReaped(t *testing.T) {
	p := begin(t, []string{"ACT_AS=first"}, "/bin/sh", "-c", `
		orphan=$( (sleep 0.2 >&2 & echo $!) )
		grep PPid: "/proc/$orphan/status"
		until [ ! -e "/proc/$orphan" ]; do sleep 0.02; done
		echo reaped; exit 6`)
	if got, want := p.line(), fmt.Sprintf("PPid:\t%d", p.cmd.Process.Pid); got != want {
		t.Fatalf("%q, want %q", got, want)
	}
	done := make(chan struct{})
	go func() {
		if p.lines.Scan() && p.lines.Text() == "reaped" {
			close(done)
		}
	}()
	within(t, 10*time.Second, "reaping an orphan", done)
	if code := p.end(); code != 6 {
		t.Errorf("exit %d: an orphan's end was taken for the runtime's", code)
	}
}

// ^C at a terminal signals the foreground group: the runtime must get it once.
func TestTerminal(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	var number, unlock uint32
	for request, argument := range map[uintptr]*uint32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlock} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
			t.Fatal(errno)
		}
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	upstream := freePort(t)
	cmd := exec.Command(self, fmt.Sprintf("--listen=%d", freePort(t)), fmt.Sprintf("--upstream=%d", upstream), "--", self)
	cmd.Env = append(os.Environ(), "ACT_AS=front", fmt.Sprintf("UPSTREAM=%d", upstream), "EXIT_CODE=4")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // has ended, if all is well
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(master)
	next := func() string {
		if !lines.Scan() {
			t.Fatalf("no more output: %v", lines.Err())
		}
		return strings.TrimSpace(lines.Text())
	}
	next() // up
	if _, err := master.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	if got := next(); got != "^Cgot interrupt" {
		t.Errorf("%q", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := next(); got != "got terminated" {
		t.Errorf("%q", got)
	}
	_ = cmd.Wait() // says what the exit code says
	if code := cmd.ProcessState.ExitCode(); code != 4 {
		t.Errorf("exit %d", code)
	}
}

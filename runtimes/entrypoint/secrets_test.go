package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// secret puts a file where only the claw's user can read it.
func (c *claw) secret(name, text string) (path string) {
	c.t.Helper()
	path = c.path("secrets/" + name)
	writeFile(c.t, path, text, 0o400)
	c.own(c.uid, "secrets/"+name)
	return path
}

func TestSecretsFromFiles(t *testing.T) {
	c := newClaw(t, "json", testDefault, testSchema)
	c.spec["keepFiles"] = []string{"X_LOG_FILE"}
	t.Run("variables", func(t *testing.T) {
		for text, want := range map[string]string{
			"value": "value", "value\n": "value", "value\r\n": "value", "value\n\n": "value\n", "value\r": "value\r", " two words \n": " two words ",
			"": "", "\n": "", "\r\n": "", "first\nsecond\n": "first\nsecond", "a=b": "a=b", "'$HOME'": "'$HOME'", "\xff\x01": "\xff\x01",
		} {
			path := c.secret("value", text)
			got := c.mustRun([]string{"TOKEN_FILE=" + path, "TOKEN=old"}, "run", "sh", "-c", `printf '%s|' "$TOKEN" "${TOKEN_FILE-none}"`)
			if got != want+"|none|" {
				t.Errorf("%q became %q", text, got)
			}
		}
	})
	t.Run("names that stay", func(t *testing.T) {
		environ := []string{"SSL_CERT_FILE=/nowhere", "AWS_WEB_IDENTITY_TOKEN_FILE=/nowhere", "X_LOG_FILE=/nowhere", "_FILE=/nowhere", "FILE=/nowhere", "A_file=/nowhere", "A_FILES=/nowhere", "MYFILE=/nowhere"}
		lines := strings.Split(c.mustRun(environ, "run"), "\n")
		for _, entry := range environ {
			if !slices.Contains(lines, entry) {
				t.Errorf("%s did not stay", entry)
			}
		}
	})
	t.Run("overrides", func(t *testing.T) {
		environ := []string{"X_text=old", "X_text_FILE=" + c.secret("text", "S3CRET\n"), "X_gateway__port_FILE=" + c.secret("port", "31337\n")}
		if got := c.mustRun(environ, "run"); strings.Contains(got, "X_") || strings.Contains(got, "S3CRET") {
			t.Errorf("the runtime still has %s", got)
		}
		if got := readFile(t, c.path("run/config")); !strings.Contains(got, `"text": "S3CRET"`) || !strings.Contains(got, `"port": 31337`) {
			t.Errorf("config: %s", got)
		}
		if got := c.mustRun(environ, "check"); got != "testclaw: configuration is valid (2 overrides merged)\n" {
			t.Errorf("check: %q", got)
		}
		got := c.mustRun(environ, "config")
		if !strings.Contains(got, `"text": "<set>"`) || !strings.Contains(got, `"port": "<set>"`) || strings.Contains(got, "S3CRET") || strings.Contains(got, "31337") {
			t.Errorf("config: %s", got)
		}
		c.refuses([]string{"X_gateway__port_FILE=" + c.secret("port", "S3CRET")}, 2, "X_gateway__port: ", "run")
		c.refuses([]string{"X_gateway__prot_FILE=" + c.secret("port", "S3CRET")}, 2, "did you mean X_gateway__port?", "check")
	})
	t.Run("as Kubernetes mounts them", func(t *testing.T) {
		c.secret("..2026_11_22/token", "linked")
		for link, target := range map[string]string{"..data": "..2026_11_22", "token": "..data/token"} {
			if err := os.Symlink(target, c.path("secrets/"+link)); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.mustRun([]string{"TOKEN_FILE=" + c.path("secrets/token")}, "run", "sh", "-c", `echo "$TOKEN"`); got != "linked\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("readable by the group", func(t *testing.T) {
		path := c.secret("grouped", "yes")
		if err := os.Chmod(path, 0o440); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(path, 0, c.uid); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.mustRun([]string{"TOKEN_FILE=" + path}, "run", "sh", "-c", `echo "$TOKEN"`); got != "yes\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("open to every user", func(t *testing.T) {
		path := c.path("secrets/open")
		writeFile(t, path, "S3CRET", 0o644)
		want := "entrypoint: warning: TOKEN_FILE: " + path + " is open to every user (mode 0644); 0400 or 0440 is enough\n"
		for _, command := range []string{"run", "check", "config"} {
			if _, stderr, code := c.run([]string{"TOKEN_FILE=" + path}, command); code != 0 || stderr != want {
				t.Errorf("%s: exit %d, stderr %q", command, code, stderr)
			}
		}
	})
	t.Run("of any length that the kernel takes", func(t *testing.T) {
		most := maxVariable - len("TOKEN=") - 1
		path := c.secret("long", strings.Repeat("x", most)+"\r\n")
		if got := c.mustRun([]string{"TOKEN_FILE=" + path}, "run", "sh", "-c", "echo ${#TOKEN}"); got != fmt.Sprintln(most) {
			t.Errorf("%s of %d bytes", got, most)
		}
		c.secret("long", strings.Repeat("x", most+1))
		c.refuses([]string{"TOKEN_FILE=" + path}, 2, fmt.Sprintf("TOKEN_FILE: %s is too large: an environment variable of this name takes %d bytes", path, most), "run")
	})
}

func TestSecretFilesRefused(t *testing.T) {
	c := newClaw(t, "json", testDefault, testSchema)
	pipe := c.path("secrets/pipe")
	c.secret("nul", "S3CRET\x00")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", c.path("secrets/socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := os.Symlink("gone", c.path("secrets/dangling")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                             "is empty; it must be the path of a file",
		"S3CRET":                       "must be the absolute path of a file that holds the value",
		"./secrets/nul":                "must be the absolute path",
		"/nowhere/at all":              "/nowhere/at all does not exist",
		"/nowhere\n\x1b[2J":            `"/nowhere\n\x1b[2J" does not exist`,
		c.path("secrets/nul") + "/x":   c.path("secrets/nul") + "/x does not exist",
		c.path("secrets/dangling"):     c.path("secrets/dangling") + " does not exist",
		c.path("secrets"):              c.path("secrets") + " is not a regular file",
		c.path("secrets/socket"):       c.path("secrets/socket") + " is not a regular file",
		pipe:                           pipe + " is not a regular file",
		"/dev/zero":                    "/dev/zero is not a regular file",
		c.path("secrets/nul"):          c.path("secrets/nul") + " holds a NUL byte",
		"/" + strings.Repeat("x", 300): "cannot read /xxx",
		"/proc/self/mem":               "cannot read /proc/self/mem",
	} {
		c.refuses([]string{"X_text_FILE=" + path}, 2, "X_text_FILE: "+want, "run")
	}
	for _, command := range []string{"check", "config"} {
		c.refuses([]string{"TOKEN_FILE=/nowhere"}, 2, "TOKEN_FILE: /nowhere does not exist", command)
	}
	if names(t, c.path("run")) != "" || names(t, c.path("state")) != "" {
		t.Error("a refused start left files")
	}

	closed := c.path("secrets/closed")
	writeFile(t, closed, "S3CRET", 0)
	want := fmt.Sprintf("TOKEN_FILE: uid %d cannot read %s (mode 0000, owner %d:%d): it needs mode 0400 and owner %d, or mode 0440 and group %d", c.uid, closed, os.Getuid(), os.Getgid(), c.uid, c.gid())
	c.refuses([]string{"TOKEN_FILE=" + closed}, 2, want, "run")
	if err := os.Chmod(c.path("secrets"), 0); err != nil {
		t.Fatal(err)
	}
	c.refuses([]string{"TOKEN_FILE=" + closed}, 2, fmt.Sprintf("TOKEN_FILE: uid %d cannot read %s: it needs mode 0400", c.uid, closed), "run")
}

func (c *claw) gid() int {
	if os.Getuid() == 0 {
		return c.uid
	}
	return os.Getgid()
}

// The health check runs every second for all of a claw's life: it needs no secret, and no file.
func TestHealthNeedsNoSecrets(t *testing.T) {
	c := newClaw(t, "json", testDefault, testSchema)
	port := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
	c.spec["health"] = map[string]any{"port": port, "path": "/health", "startupSeconds": 1}
	if got := c.mustRun([]string{"TOKEN_FILE=/nowhere"}, "health"); got != "testclaw is healthy\n" {
		t.Errorf("got %q", got)
	}
}

// A secret is in the runtime's environment or, for an override, in the configuration's file, and nowhere else.
func TestSecretsAreNowhereElse(t *testing.T) {
	const canary = "S3CRET-c4n4ry"
	for _, fronted := range []bool{false, true} {
		t.Run(fmt.Sprintf("front %v", fronted), func(t *testing.T) {
			c := newClaw(t, "json", testDefault, testSchema)
			c.spec["command"] = []string{"sh", "-c", `[ "$TOKEN" = ` + canary[:6] + `"-c4n4ry" ] && echo up $$; read x`}
			if fronted {
				c.spec["front"] = map[string]any{"listen": closedPort(t), "upstreamPort": 1, "rewrite": map[string]string{"/health": "/x"}}
				buildFront(t, c)
			}
			environ := []string{"TOKEN_FILE=" + c.secret("token", canary+"\n"), "X_text_FILE=" + c.secret("text", canary+"\n")}
			open := c.path("secrets/open")
			writeFile(t, open, canary, 0o644)
			environ = append(environ, "OTHER_FILE="+open)
			cmd := c.command(environ, "run")
			var errs strings.Builder
			cmd.Stderr = &errs
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := cmd.StdinPipe(); err != nil { // for the runtime to wait on
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := false
			end := func() {
				if !ended {
					ended = true
					if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
						t.Error(err)
					}
					_ = cmd.Wait() // ended by the signal
				}
			}
			defer end()
			line, err := bufio.NewReader(stdout).ReadString('\n')
			pid, found := strings.CutPrefix(strings.TrimSpace(line), "up ")
			if err != nil || !found {
				t.Fatalf("%q, %v: the runtime lacks the secret", line, err)
			}
			// Without a front the entrypoint has become the runtime: no process stays behind.
			if same := pid == strconv.Itoa(cmd.Process.Pid); same == fronted {
				t.Errorf("the runtime is process %s, the entrypoint was %d", pid, cmd.Process.Pid)
			}
			for _, process := range []string{pid, strconv.Itoa(cmd.Process.Pid)} {
				if line := readFile(t, "/proc/"+process+"/cmdline"); line == "" || strings.Contains(line, canary) {
					t.Errorf("command line of %s: %q", process, line)
				}
			}
			end()
			for _, command := range []string{"check", "config"} {
				out, more, code := c.run(environ, command)
				if code != 0 || strings.Contains(out+more, canary) {
					t.Errorf("%s: exit %d, %s%s", command, code, out, more)
				}
			}
			if strings.Contains(errs.String(), canary) || strings.Count(errs.String(), "\n") != 1 {
				t.Errorf("stderr %q", errs.String())
			}
			var holders []string
			err = filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.Type().IsRegular() && !strings.HasPrefix(path, c.path("secrets/")) && path != c.path("entrypoint") && strings.Contains(readFile(t, path), canary) {
					holders = append(holders, path)
				}
				return err
			})
			if err != nil || !slices.Equal(holders, []string{c.path("run/config")}) || mode(t, c.path("run/config")) != 0o600 {
				t.Errorf("%v: in %v", err, holders)
			}
		})
	}
}

// buildFront installs the real front beside the claw's entrypoint.
func buildFront(t *testing.T, c *claw) {
	t.Helper()
	if out, err := exec.Command("go", "build", "-o", c.path("front"), "./front").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

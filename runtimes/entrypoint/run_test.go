package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The test binary is the entrypoint too, so that tests run real processes.
func TestMain(m *testing.M) {
	if os.Getenv("ACT_AS_ENTRYPOINT") != "" {
		if err := os.Unsetenv("ACT_AS_ENTRYPOINT"); err != nil {
			panic(err)
		}
		main()
	}
	os.Exit(m.Run())
}

// claw is what an image holds, in a directory that an unprivileged user owns.
type claw struct {
	t    *testing.T
	dir  string
	uid  int
	spec map[string]any
}

func newClaw(t *testing.T, format, defaultText, schemaText string) *claw {
	t.Helper()
	dir, err := os.MkdirTemp("", "entrypoint-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	c := &claw{t: t, dir: dir, uid: os.Getuid()}
	if c.uid == 0 {
		c.uid = 10009
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.path("entrypoint"), readFile(t, binary), 0o755)
	writeFile(t, c.path("etc/default"), defaultText, 0o644)
	writeFile(t, c.path("etc/schema.json"), schemaText, 0o644)
	writeFile(t, c.path("etc/workspace/IDENTITY.md"), "me", 0o644)
	for _, name := range []string{"run", "state"} {
		if err := os.Mkdir(c.path(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.own(c.uid, ".", "run", "state")
	c.spec = map[string]any{
		"name": "testclaw", "prefix": "X_", "overrides": "merge", "format": format,
		"default": c.path("etc/default"), "schema": c.path("etc/schema.json"), "config": c.path("run/config"), "runDir": c.path("run"),
		"stateDir": c.path("state"), "workspace": map[string]any{"from": c.path("etc/workspace"), "to": c.path("state/workspace")},
		"command": []string{"sh", "-c", "env"}, "health": map[string]any{"port": 9, "path": "/health", "startupSeconds": 1},
	}
	return c
}

func (c *claw) path(name string) string { return filepath.Join(c.dir, name) }

func (c *claw) own(uid int, names ...string) {
	c.t.Helper()
	if os.Getuid() != 0 {
		return
	}
	for _, name := range names {
		if err := os.Chown(c.path(name), uid, uid); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *claw) command(environ []string, args ...string) *exec.Cmd {
	c.t.Helper()
	text, err := json.Marshal(c.spec)
	if err != nil {
		c.t.Fatal(err)
	}
	writeFile(c.t, c.path("etc/runtime.json"), string(text), 0o644)
	args = append([]string{args[0], "--spec", c.path("etc/runtime.json")}, args[1:]...)
	cmd := exec.Command(c.path("entrypoint"), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "ACT_AS_ENTRYPOINT=1"}, environ...)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(c.uid), Gid: uint32(c.uid)}}
	}
	return cmd
}

// run gives stdout, stderr and the exit code of `entrypoint args...`.
func (c *claw) run(environ []string, args ...string) (stdout, stderr string, code int) {
	c.t.Helper()
	var out, errs strings.Builder
	cmd := c.command(environ, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func (c *claw) mustRun(environ []string, args ...string) string {
	c.t.Helper()
	stdout, stderr, code := c.run(environ, args...)
	if code != 0 || stderr != "" {
		c.t.Fatalf("exit %d: %s", code, stderr)
	}
	return stdout
}

// refuses wants an exit code and one line on stderr with the text, and no secret.
func (c *claw) refuses(environ []string, code int, want string, args ...string) {
	c.t.Helper()
	stdout, stderr, got := c.run(environ, args...)
	if got != code || !strings.HasPrefix(stderr, "entrypoint: ") || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
		c.t.Errorf("exit %d, stderr %q; want exit %d, one line with %q", got, stderr, code, want)
	}
	if stdout != "" || strings.Contains(stderr, "S3CRET") {
		c.t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
}

const clawTOML = `# A default as a person writes it.
api_key = ""

[autonomy]
allowed_commands = [
  "git",   # a list over
  "ls",    # several lines
]

[gateway]
port = 42617
`

const clawTOMLSchema = `{"type":"object","additionalProperties":false,"properties":{
  "api_key":{"type":"string"},
  "autonomy":{"type":"object","additionalProperties":false,"properties":{"allowed_commands":{"type":"array","items":{"type":"string"}}}},
  "gateway":{"type":"object","additionalProperties":false,"properties":{"port":{"type":"integer"}}},
  "channels":{"type":"object","additionalProperties":{"type":"object","additionalProperties":false,"properties":{"bot_token":{"type":"string"},"allowed_users":{"type":"array","items":{"type":"string"}}}}}}}`

// What an entrypoint that rewrites lines of a live file gets wrong.
func TestDefectsOfLineRewriting(t *testing.T) {
	config := func(c *claw) map[string]any {
		c.t.Helper()
		document, err := parse("toml", []byte(readFile(c.t, c.path("run/config"))))
		if err != nil {
			c.t.Fatal(err)
		}
		return document.(map[string]any)
	}
	t.Run("multi-line arrays", func(t *testing.T) {
		c := newClaw(t, "toml", clawTOML, clawTOMLSchema)
		c.mustRun([]string{`X_autonomy__allowed_commands=["cat","a \"b\""]`}, "run")
		got := config(c)["autonomy"].(map[string]any)["allowed_commands"]
		if !same(got, []any{"cat", `a "b"`}) {
			t.Errorf("allowed_commands = %v", got)
		}
	})
	t.Run("restart with a channel set", func(t *testing.T) {
		c := newClaw(t, "toml", clawTOML, clawTOMLSchema)
		environ := []string{"X_channels__telegram__bot_token=t", "X_channels__telegram__allowed_users__0=ada"}
		c.mustRun(environ, "run")
		first := readFile(t, c.path("run/config"))
		for range 3 {
			c.mustRun(environ, "run")
		}
		if again := readFile(t, c.path("run/config")); again != first {
			t.Errorf("first start: %s\nlater: %s", first, again)
		}
		if readFile(t, c.path("etc/default")) != clawTOML {
			t.Error("the default was changed")
		}
		c.mustRun(nil, "run")
		if _, still := config(c)["channels"]; still {
			t.Error("a channel that is no longer set is still there")
		}
	})
	t.Run("quotes and newlines in values", func(t *testing.T) {
		c := newClaw(t, "toml", clawTOML, clawTOMLSchema)
		for _, value := range []string{`a"b`, "a\nport = 1\n[evil]\nx = 1", `a\nb\tc\\`, `'''`, `"""`, "a\r\n\x01\x7f", "é\u2028"} {
			c.mustRun([]string{"X_api_key=" + value}, "run")
			if got := config(c); got["api_key"] != value || len(got) != 3 {
				t.Errorf("%q became %v", value, got)
			}
		}
	})
	t.Run("unknown keys", func(t *testing.T) {
		c := newClaw(t, "toml", clawTOML, clawTOMLSchema)
		c.refuses([]string{"X_gateway__prot=S3CRET"}, 2, `X_gateway__prot: unknown key "prot"; did you mean X_gateway__port?`, "run")
		c.refuses([]string{"X_zzzzzz=S3CRET"}, 2, "X_zzzzzz: unknown key", "run")
		if names(t, c.path("run")) != "" || names(t, c.path("state")) != "" {
			t.Error("a refused start left files")
		}
	})
	t.Run("file mode", func(t *testing.T) {
		c := newClaw(t, "toml", clawTOML, clawTOMLSchema)
		for range 2 {
			c.mustRun([]string{"X_api_key=k"}, "run")
			if got := mode(t, c.path("run/config")); got != 0o600 {
				t.Errorf("mode %o", got)
			}
			if err := os.Chmod(c.path("run/config"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestRunMerge(t *testing.T) {
	c := newClaw(t, "json", testDefault, testSchema)
	writeFile(t, c.path("run/healthy"), "", 0o644)
	environ := []string{"X_text=S3CRET\nline", "X_GATEWAY_TOKEN=kept", "Y_text=kept"}
	lines := strings.Split(c.mustRun(environ, "run"), "\n")
	for _, want := range []string{"X_GATEWAY_TOKEN=kept", "Y_text=kept"} {
		if !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("%s did not reach the runtime", want)
		}
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "X_text") || strings.Contains(line, "S3CRET") {
			t.Errorf("the runtime still has %s", line)
		}
	}
	if got := names(t, c.path("run")); got != "config" {
		t.Errorf("run directory: %s (the last start's health marker must go)", got)
	}
	if readFile(t, c.path("state/workspace/IDENTITY.md")) != "me" {
		t.Error("no workspace")
	}
	if got := c.mustRun(nil, "run", "echo", "$x", "a  b"); got != "$x a  b\n" {
		t.Errorf("other command: %q", got)
	}
	if got := c.mustRun(nil, "run", "--", "echo", "--spec"); got != "--spec\n" {
		t.Errorf("other command after --: %q", got)
	}
}

func TestRunNative(t *testing.T) {
	c := newClaw(t, "toml", clawTOML, clawTOMLSchema)
	c.spec["overrides"], c.spec["config"] = "native", c.path("state/.claw/config.toml")
	delete(c.spec, "schema")
	got := c.mustRun([]string{"X_whatever__key=value"}, "run")
	if !strings.Contains(got, "X_whatever__key=value\n") {
		t.Error("the override did not reach the runtime")
	}
	if path := c.path("state/.claw/config.toml"); readFile(t, path) != clawTOML || mode(t, path) != 0o600 {
		t.Errorf("config: mode %o", mode(t, path))
	}
	writeFile(t, c.path("state/.claw/config.toml"), "mine = 1\n", 0o600)
	c.mustRun(nil, "run")
	if readFile(t, c.path("state/.claw/config.toml")) != "mine = 1\n" {
		t.Error("the runtime's own configuration was replaced")
	}
	if got := c.mustRun([]string{"X_api_key=S3CRET"}, "config"); !strings.Contains(got, "<set>") || strings.Contains(got, "S3CRET") {
		t.Errorf("config: %s", got)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Run("root", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs to be root to be refused")
		}
		c := newClaw(t, "json", testDefault, testSchema)
		c.uid = 0
		c.refuses(nil, 2, "refusing to run testclaw as root", "run")
	})
	t.Run("state directory of another user", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs root to give a directory away")
		}
		c := newClaw(t, "json", testDefault, testSchema)
		c.own(0, "state")
		c.refuses(nil, 2, "it belongs to 0:0 (mode 0700) and this process is 10009:10009; use a fresh named volume, or give what is mounted there to 10009:10009", "run")
	})
	t.Run("run directory not there", func(t *testing.T) {
		c := newClaw(t, "json", testDefault, testSchema)
		c.spec["config"] = c.path("absent/config.json")
		c.refuses(nil, 2, "mount a tmpfs there, e.g. --tmpfs "+c.path("absent")+":uid=", "run")
	})
	t.Run("run directory not writable", func(t *testing.T) {
		c := newClaw(t, "json", testDefault, testSchema)
		if err := os.Chmod(c.path("run"), 0o500); err != nil {
			t.Fatal(err)
		}
		c.refuses(nil, 2, "mount a tmpfs there", "run")
	})
	t.Run("state that is a file", func(t *testing.T) {
		c := newClaw(t, "json", testDefault, testSchema)
		c.spec["stateDir"] = c.path("etc/default")
		c.refuses(nil, 2, "is not a directory", "run")
	})
	t.Run("program not found", func(t *testing.T) {
		c := newClaw(t, "json", testDefault, testSchema)
		c.refuses(nil, 127, "no-such-program: not found", "run", "no-such-program")
	})
	t.Run("program not executable", func(t *testing.T) {
		c := newClaw(t, "json", testDefault, testSchema)
		c.refuses(nil, 126, "is not executable", "run", c.path("etc/default"))
		writeFile(t, c.path("noise"), "\x00\x01", 0o755)
		c.refuses(nil, 126, "cannot execute", "run", c.path("noise"))
	})
	t.Run("broken default", func(t *testing.T) {
		c := newClaw(t, "json", `{"text": S3CRET}`, testSchema)
		c.refuses(nil, 2, "not valid JSON", "run")
	})
	t.Run("default with a key the schema does not know", func(t *testing.T) {
		c := newClaw(t, "json", `{"gateway": {"port": 1, "bindd": "S3CRET"}}`, testSchema)
		c.refuses(nil, 2, `default configuration: gateway.bindd: unknown key; did you mean "bind"?`, "check")
	})
	t.Run("options", func(t *testing.T) {
		c := newClaw(t, "json", testDefault, testSchema)
		c.refuses(nil, 2, `unknown argument "--verbose"`, "run", "--verbose")
		c.refuses(nil, 2, `unknown argument "--hold"`, "check", "--hold", "1s")
		c.refuses(nil, 2, "--hold needs a duration", "health", "--hold", "-1s")
		c.refuses(nil, 2, "--hold needs a value", "health", "--hold")
		c.refuses(nil, 2, `unknown command "start"`, "start")
	})
}

func TestCheckAndConfig(t *testing.T) {
	c := newClaw(t, "json", testDefault, testSchema)
	environ := []string{"X_text=S3CRET", "X_gateway__port=31337"}
	if got := c.mustRun(environ, "check"); got != "testclaw: configuration is valid (2 overrides merged)\n" {
		t.Errorf("check: %q", got)
	}
	got := c.mustRun(environ, "config")
	if strings.Contains(got, "S3CRET") || strings.Contains(got, "31337") || !strings.Contains(got, `"port": "<set>"`) || !strings.Contains(got, `"bind": "lan"`) {
		t.Errorf("config: %s", got)
	}
	if names(t, c.path("run")) != "" || names(t, c.path("state")) != "" {
		t.Error("check or config wrote something")
	}
	c.spec["command"] = []string{"no-such-program"}
	c.refuses(nil, 127, "not found", "check")
	c.spec["command"] = []string{"sh"}
	c.spec["workspace"] = map[string]any{"from": c.path("nowhere"), "to": c.path("state/w")}
	c.refuses(nil, 2, "cannot read the workspace's files", "check")
}

func TestSpecRefuses(t *testing.T) {
	for member, c := range map[string]struct {
		value any
		want  string
	}{
		"name": {"", `"name" and "prefix" are required`}, "overrides": {"both", `"overrides" must be`}, "format": {"yaml", `"format" must be`},
		"schema": {"", `"schema" is required`}, "command": {[]string{}, `"command" must name`}, "config": {"run/config", `"config" must be an absolute path`},
		"stateDir": {nil, `"stateDir" must be an absolute path`}, "default": {3, `"default" has the wrong type`},
		"health":    {map[string]any{"port": 0, "path": "/", "startupSeconds": 1}, `"health.port"`},
		"workspace": {map[string]any{"from": "a", "to": "b"}, `"workspace.from" and`},
	} {
		t.Run(member, func(t *testing.T) {
			claw := newClaw(t, "json", testDefault, testSchema)
			claw.spec[member] = c.value
			claw.refuses(nil, 2, c.want, "check")
		})
	}
	t.Run("health path", func(t *testing.T) {
		claw := newClaw(t, "json", testDefault, testSchema)
		claw.spec["health"] = map[string]any{"port": 1, "path": "/a b", "startupSeconds": 1}
		claw.refuses(nil, 1, `"health.path"`, "health")
	})
}

func TestRunWithAFront(t *testing.T) {
	c := newClaw(t, "json", testDefault, testSchema)
	c.spec["front"] = map[string]any{"listen": closedPort(t), "upstreamPort": 1, "rewrite": map[string]string{"/health": "/api/health", "/b": "/a"}}
	c.refuses(nil, 127, c.path("front")+": not found", "run")
	c.refuses(nil, 127, c.path("front")+": not found", "check")

	// What it becomes ...
	writeFile(t, c.path("front"), "#!/bin/sh\necho \"$@\"\n", 0o755)
	c.spec["command"] = []string{"sh", "-c", "exit 3", "x y"}
	got := c.mustRun([]string{"X_text=S3CRET"}, "run")
	if want := fmt.Sprintf("--listen=%d --upstream=1 --rewrite=/b=/a --rewrite=/health=/api/health -- ", c.spec["front"].(map[string]any)["listen"]); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "/sh -c exit 3 x y\n") {
		t.Errorf("front got %q, want %q", got, want)
	}
	c.mustRun(nil, "check")
	if got := c.mustRun(nil, "run", "echo", "look around"); got != "look around\n" {
		t.Errorf("another command: %q", got)
	}

	// ... and the real one.
	if err := os.Remove(c.path("front")); err != nil {
		t.Fatal(err)
	}
	buildFront(t, c)
	if _, stderr, code := c.run(nil, "run"); code != 3 || stderr != "" {
		t.Errorf("exit %d, stderr %q; want the runtime's exit code", code, stderr)
	}
	c.spec["command"] = []string{"sh", "-c", "env"}
	if got := c.mustRun([]string{"X_text=S3CRET", "KEPT=1"}, "run"); !strings.Contains(got, "KEPT=1\n") || strings.Contains(got, "S3CRET") {
		t.Errorf("the runtime's environment: %s", got)
	}
}

func TestFrontSpecRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"listen":0,"upstreamPort":2}`:                                    "two ports",
		`{"listen":1,"upstreamPort":1}`:                                    "two ports",
		`{"listen":1,"upstreamPort":65536}`:                                "two ports",
		`{"listen":1,"upstreamPort":2,"rewrite":{"health":"/a"}}`:          "absolute paths",
		`{"listen":1,"upstreamPort":2,"rewrite":{"/health":""}}`:           "absolute paths",
		`{"listen":1,"upstreamPort":2,"rewrite":{"/health":"//a"}}`:        "absolute paths",
		`{"listen":1,"upstreamPort":2,"rewrite":{"/health":"/a?b"}}`:       "absolute paths",
		`{"listen":1,"upstreamPort":2,"rewrite":{"/a=b":"/c"}}`:            "absolute paths",
		`{"listen":1,"upstreamPort":2,"rewrite":{"/a b":"/c"}}`:            "absolute paths",
		`{"listen":1,"upstreamPort":2,"rewrite":{"/health":"/a%2Fb%20c"}}`: "",
	} {
		var front frontSpec
		if err := json.Unmarshal([]byte(text), &front); err != nil {
			t.Fatal(err)
		}
		if got := front.problem(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

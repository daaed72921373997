package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func writeFile(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func mode(t testing.TB, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func names(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return strings.Join(found, " ")
}

func TestWritePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")

	t.Run("makes a file of mode 0600 under any umask", func(t *testing.T) {
		for _, mask := range []int{0, 0o022, 0o777} {
			old := syscall.Umask(mask)
			err := writePrivate(path, []byte("one"))
			syscall.Umask(old)
			if err != nil {
				t.Fatal(err)
			}
			if got := mode(t, path); got != 0o600 {
				t.Errorf("umask %o: mode %o", mask, got)
			}
		}
	})
	t.Run("does not keep the mode of what was there", func(t *testing.T) {
		writeFile(t, path, "old", 0o644)
		if err := writePrivate(path, []byte("two")); err != nil {
			t.Fatal(err)
		}
		if got := mode(t, path); got != 0o600 || readFile(t, path) != "two" {
			t.Errorf("mode %o, text %q", got, readFile(t, path))
		}
	})
	t.Run("replaces a link instead of writing through it", func(t *testing.T) {
		target := filepath.Join(dir, "target")
		writeFile(t, target, "keep", 0o644)
		for _, link := range []string{path, filepath.Join(dir, ".config.json.new")} {
			if err := forget(link); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
			if err := writePrivate(path, []byte("three")); err != nil {
				t.Fatal(err)
			}
		}
		if readFile(t, target) != "keep" || !mode(t, path).IsRegular() || readFile(t, path) != "three" {
			t.Error("the link was followed")
		}
	})
	t.Run("survives what an interrupted write left, and leaves nothing", func(t *testing.T) {
		writeFile(t, filepath.Join(dir, ".config.json.new"), "half", 0o400)
		if err := writePrivate(path, []byte("four")); err != nil {
			t.Fatal(err)
		}
		if got := names(t, dir); got != "config.json target" {
			t.Errorf("files: %s", got)
		}
	})
	t.Run("cleans up when it fails", func(t *testing.T) {
		occupied := filepath.Join(dir, "occupied")
		writeFile(t, filepath.Join(occupied, "x"), "", 0o600)
		if err := writePrivate(occupied, []byte("five")); err == nil {
			t.Error("replaced a directory")
		}
		if got := names(t, dir); got != "config.json occupied target" {
			t.Errorf("files: %s", got)
		}
	})
}

func TestParseRefusesWithoutShowingText(t *testing.T) {
	for _, c := range []struct{ format, text, want string }{
		{"json", `{"key": "S3CRET" "more"}`, "not valid JSON (near byte"},
		{"json", `{"key": S3CRET}`, "not valid JSON (near byte"},
		{"json", `{} S3CRET`, "more text after byte 2"},
		{"json", `["S3CRET"]`, "must hold a JSON object"},
		{"json", "{\"a\": \"\xff\"}", "not valid UTF-8"},
		{"json", ``, "not valid JSON"},
		{"toml", "a = 1\nkey = S3CRET\n", "not valid TOML (line 2, column 7)"},
		{"toml", "[a]\n[a]\n", "not valid TOML"},
	} {
		_, err := parse(c.format, []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestTOML(t *testing.T) {
	const text = "f = 1.0\ni = 9223372036854775807\nwhen = 2026-01-02T03:04:05Z\nday = 2026-01-02\nlist = [\n  \"a\", # one\n  \"b\",\n]\n\n[z]\nk = \"v\"\n\n[[many]]\nn = 1\n\n[[many]]\nn = 2\n"
	document, err := parse("toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s := mustSchema(t, `{"type":"object","properties":{"i":{"type":"integer"},"f":{"type":"number"},"list":{"type":"array","items":{"type":"string"}},
		"many":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false}},"z":{"type":"object","additionalProperties":{"type":"string"}}}}`)
	overrides, _ := splitEnv([]string{"X_many__2__n=3", "X_z__q=\"\n[evil]\nx='"}, "X_")
	document, err = s.merge(document, overrides)
	if err != nil {
		t.Fatal(err)
	}
	first, err := encode("toml", document)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parse("toml", first)
	if err != nil {
		t.Fatalf("%v in %s", err, first)
	}
	second, err := encode("toml", again)
	if err != nil || string(second) != string(first) {
		t.Errorf("not stable: %s, then %s", first, second)
	}
	for _, want := range []string{"f = 1.0", "i = 9223372036854775807", "2026-01-02T03:04:05Z", "day = 2026-01-02"} {
		if !strings.Contains(string(first), want) {
			t.Errorf("no %q in %s", want, first)
		}
	}
	if got := again.(map[string]any)["z"].(map[string]any)["q"]; got != "\"\n[evil]\nx='" {
		t.Errorf("q = %q", got)
	}
	for text, want := range map[string]string{`{"a":[null]}`: "a.0: TOML has no null", `{"a":9223372036854775808}`: "too large for TOML", `{"a":1e999}`: "too large for TOML"} {
		var coded *exitError
		if _, err := encode("toml", mustParse(t, text)); !errors.As(err, &coded) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestSeed(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "state", "workspace")
	writeFile(t, filepath.Join(from, "IDENTITY.md"), "me", 0o644)
	writeFile(t, filepath.Join(from, "bin", "tool"), "#!/bin/sh\n", 0o755)

	// A copy that was interrupted: begun, not renamed.
	writeFile(t, filepath.Join(dir, "state", ".workspace.seeding", "IDENTITY.md"), "m", 0o400)
	if err := seed(from, to); err != nil {
		t.Fatal(err)
	}
	if readFile(t, filepath.Join(to, "IDENTITY.md")) != "me" || readFile(t, filepath.Join(to, "bin", "tool")) != "#!/bin/sh\n" {
		t.Error("not copied")
	}
	for path, want := range map[string]os.FileMode{to: 0o700 | os.ModeDir, filepath.Join(to, "IDENTITY.md"): 0o600, filepath.Join(to, "bin", "tool"): 0o700} {
		if got := mode(t, path); got != want {
			t.Errorf("%s: mode %v, want %v", path, got, want)
		}
	}
	if got := names(t, filepath.Join(dir, "state")); got != "workspace" {
		t.Errorf("left behind: %s", got)
	}

	// What the claw has changed or removed since is its own.
	writeFile(t, filepath.Join(to, "IDENTITY.md"), "changed", 0o600)
	if err := os.RemoveAll(filepath.Join(to, "bin")); err != nil {
		t.Fatal(err)
	}
	if err := seed(from, to); err != nil {
		t.Fatal(err)
	}
	if readFile(t, filepath.Join(to, "IDENTITY.md")) != "changed" || names(t, to) != "IDENTITY.md" {
		t.Error("the second start touched the workspace")
	}

	// A link, even one to nowhere, is something that is there.
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/nowhere", link); err != nil {
		t.Fatal(err)
	}
	if err := seed(from, link); err != nil || mode(t, link)&os.ModeSymlink == 0 {
		t.Errorf("link: %v", err)
	}

	if err := os.Symlink("/etc/passwd", filepath.Join(from, "bad")); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other", "workspace")
	if err := seed(from, other); err == nil || !strings.Contains(err.Error(), "neither a file nor a directory") {
		t.Errorf("link in the source: %v", err)
	}
	if got := names(t, filepath.Dir(other)); got != "" {
		t.Errorf("a failed copy left %s", got)
	}
}

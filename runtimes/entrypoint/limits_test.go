package main

import (
	"fmt"
	"strings"
	"testing"
)

// openFiles is what the runtime itself sees: soft and hard limit, and whether
// the variable has reached it.
const openFiles = "ulimit -S -n; ulimit -H -n; echo \"<$CLAWFLEET_NOFILE>\""

func TestOpenFilesAreLimited(t *testing.T) {
	c := newClaw(t, "json", "{}", "{}")
	c.spec["command"] = []string{"sh", "-c", openFiles}
	before, _, _ := c.run(nil, "run")
	own := strings.Fields(before)
	if len(own) != 3 || own[2] != "<>" {
		t.Fatalf("without the variable: %q", before)
	}
	for _, limit := range []string{"64", "200"} {
		want := fmt.Sprintf("%s\n%s\n<>\n", limit, limit)
		out, stderr, code := c.run([]string{filesVariable + "=" + limit}, "run")
		if out != want || stderr != "" || code != 0 {
			t.Errorf("%s: %q, %q, exit code %d; want %q", limit, out, stderr, code, want)
		}
	}
	// Nobody may give himself more: the most that there is.
	out, stderr, code := c.run([]string{filesVariable + "=2000000000"}, "run")
	if want := fmt.Sprintf("%s\n%s\n<>\n", own[1], own[1]); out != want || stderr != "" || code != 0 {
		t.Errorf("more than there is: %q, %q, exit code %d; want %q", out, stderr, code, want)
	}
	// An empty value counts as none, as everywhere.
	if out, stderr, code := c.run([]string{filesVariable + "="}, "run"); out != before || code != 0 {
		t.Errorf("empty: %q, %q, exit code %d; want %q", out, stderr, code, before)
	}
}

func TestWrongOpenFilesStopTheStart(t *testing.T) {
	c := newClaw(t, "json", "{}", "{}")
	const want = "entrypoint: CLAWFLEET_NOFILE must be a whole number from 64, how many files a process may have open\n"
	for _, value := range []string{"0", "63", "-1", "1e3", "64k", " 64", "many", "99999999999"} {
		for _, command := range []string{"run", "check", "config"} {
			out, stderr, code := c.run([]string{filesVariable + "=" + value}, command)
			if out != "" || stderr != want || code != exitConfig {
				t.Errorf("%s with %q: %q, %q, exit code %d", command, value, out, stderr, code)
			}
		}
	}
}

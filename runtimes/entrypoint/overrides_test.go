package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitEnv(t *testing.T) {
	environ := []string{
		"PATH=/bin", "OPENCLAW_GATEWAY_TOKEN=own", "OPENCLAW_=x", "OPENCLAW__a=x", "OPENCLAW_1=x", "openclaw_gateway=x",
		"OPENCLAW_list__10=k", "OPENCLAW_list__9=j", "OPENCLAW_list__2=a=b", "OPENCLAW_gateway__port=1", "OPENCLAW_gateway={}", "OPENCLAW_empty=",
	}
	overrides, rest := splitEnv(environ, "OPENCLAW_")
	if want := environ[:6]; !slices.Equal(rest, want) {
		t.Errorf("rest = %q, want %q", rest, want)
	}
	var got []string
	for _, o := range overrides {
		got = append(got, strings.Join(o.path, ".")+"="+o.raw)
	}
	want := []string{"empty=", "gateway={}", "gateway.port=1", "list.2=a=b", "list.9=j", "list.10=k"}
	if !slices.Equal(got, want) {
		t.Errorf("overrides = %q, want %q", got, want)
	}
}

func TestListIndex(t *testing.T) {
	for segment, want := range map[string]int{"0": 0, "7": 7, "10": 10, "01": -1, "-1": -1, "-0": -1, "+1": -1, "": -1, "1a": -1, "9999999999": -1} {
		got, ok := listIndex(segment)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("listIndex(%q) = %d, want %d", segment, got, want)
		}
	}
}

// A sort is only deterministic when its order is one: checked on all triples.
func TestComparePathsIsAnOrder(t *testing.T) {
	segments := []string{"", "0", "1", "2", "10", "01", "1a", "9a", "a", "b", "A"}
	for _, a := range segments {
		for _, b := range segments {
			if compareSegments(a, b) != -compareSegments(b, a) || (compareSegments(a, b) == 0) != (a == b) {
				t.Errorf("%q and %q: not antisymmetric", a, b)
			}
			for _, c := range segments {
				if compareSegments(a, b) < 0 && compareSegments(b, c) < 0 && compareSegments(a, c) >= 0 {
					t.Errorf("%q < %q < %q but not %q < %q", a, b, c, a, c)
				}
			}
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"gateway", "agents", "channels", "botToken"}
	for word, want := range map[string]string{"gatway": "gateway", "Gateway": "gateway", "bottoken": "botToken", "chanels": "channels", "xyz": "", "": "", "models": ""} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{"OPENCLAW_a": "OPENCLAW_a", "a\nb": `"a\nb"`, "a\x1b[2J": `"a\x1b[2J"`, "a\xff": `"a\xff"`, "ü": "ü"} {
		if got := printable(name); got != want {
			t.Errorf("printable(%q) = %s, want %s", name, got, want)
		}
	}
	if got := printable(strings.Repeat("a", 5000)); len(got) > 300 {
		t.Errorf("a long name is shown in full (%d bytes)", len(got))
	}
}

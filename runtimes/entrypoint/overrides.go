package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// An override is one variable `<PREFIX>path__to__key=value`.
type override struct {
	name string
	path []string
	raw  string
}

// splitEnv separates the override variables from the rest of an environment.
//
// A variable is an override when its name is the prefix and then a lower-case
// letter: OPENCLAW_GATEWAY_TOKEN and the like are the runtime's own. The
// overrides are sorted so that a parent comes before its children and list
// entries come in order: the result never depends on the environment's order.
func splitEnv(environ []string, prefix string) (overrides []override, rest []string) {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		tail, found := strings.CutPrefix(name, prefix)
		if !found || tail == "" || tail[0] < 'a' || tail[0] > 'z' {
			rest = append(rest, entry)
			continue
		}
		overrides = append(overrides, override{name, strings.Split(tail, "__"), value})
	}
	slices.SortStableFunc(overrides, func(a, b override) int { return comparePaths(a.path, b.path) })
	return overrides, rest
}

func comparePaths(a, b []string) int { return slices.CompareFunc(a, b, compareSegments) }

// compareSegments puts list indices first, by value, then keys by their bytes.
func compareSegments(a, b string) int {
	i, aIndex := listIndex(a)
	j, bIndex := listIndex(b)
	switch {
	case aIndex && bIndex:
		return cmp.Compare(i, j)
	case aIndex:
		return -1
	case bIndex:
		return 1
	}
	return strings.Compare(a, b)
}

// listIndex reads a segment as a list index: plain decimal, no leading zero.
func listIndex(segment string) (int, bool) {
	if len(segment) > 9 || (len(segment) > 1 && segment[0] == '0') {
		return 0, false
	}
	index, err := strconv.Atoi(segment)
	if err != nil || index < 0 || segment[0] == '-' || segment[0] == '+' {
		return 0, false
	}
	return index, true
}

func hasPrefix(path, prefix []string) bool {
	return len(path) >= len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}

// printable makes a name safe for one line of a terminal.
func printable(name string) string {
	const most = 200
	if len(name) > most {
		name = name[:most] + "..."
	}
	for _, r := range name {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return strconv.QuoteToASCII(name)
		}
	}
	return name
}

// nearest returns the candidate most like word, or "" when none is close.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", max(2, len(word)/3)+1
	for _, candidate := range candidates {
		if distance := editDistance(strings.ToLower(word), strings.ToLower(candidate), bestDistance); distance < bestDistance {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

// editDistance is Levenshtein's, by bytes; it stops counting at limit.
func editDistance(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}

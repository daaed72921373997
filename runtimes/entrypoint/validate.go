package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds on what is validated; deeper or costlier is refused.
const (
	maxDepth = 200
	maxSteps = 200_000
)

// A step is one key or index on the way to a value. Declared: the schema names
// it, so that it may be shown even when it comes from a variable's value.
type step struct {
	key      string
	declared bool
}

// A problem says what is wrong with a value, never the value itself.
type problem struct {
	path []step
	text string
	// wrongBranch: a literal did not match, so that in a union this
	// alternative is probably not the one that was meant.
	wrongBranch bool
}

func (p *problem) keys() []string {
	keys := make([]string, len(p.path))
	for i, s := range p.path {
		keys[i] = s.key
	}
	return keys
}

// where shows the path; steps from hidden on are shown only if declared.
func (p *problem) where(hidden int) string {
	if len(p.path) == 0 {
		return "the configuration"
	}
	shown := make([]string, len(p.path))
	for i, s := range p.path {
		shown[i] = "*"
		if i < hidden || s.declared {
			shown[i] = printable(s.key)
		}
	}
	return strings.Join(shown, ".")
}

type validation struct {
	*schema
	steps int
}

// validate returns the first problem of a value, or nil.
func (s *schema) validate(node, value any) *problem {
	v := validation{schema: s}
	return v.value(node, value, nil)
}

func (v *validation) value(node, value any, path []step) *problem {
	alternatives, visits := v.expandCounted(node)
	if v.steps += visits; v.steps > maxSteps || len(path) > maxDepth {
		return &problem{path: path, text: "is too large or nests too deeply"}
	}
	if number, ok := value.(json.Number); ok {
		if f, err := number.Float64(); err != nil || math.IsInf(f, 0) {
			return &problem{path: path, text: "is too large a number"}
		}
	}
	kind, allowed := kindOf(value), kinds(0)
	var best *problem
	for _, alt := range alternatives {
		allowed |= alt.kinds
		if alt.kinds&kind == 0 {
			continue
		}
		found := v.alternative(alt, value, path)
		if found == nil {
			return nil
		}
		if best == nil || closer(found, best) {
			best = found
		}
	}
	switch {
	case best != nil:
		return best
	case allowed == 0:
		return &problem{path: path, text: "may not be set"}
	}
	return &problem{path: path, text: "must be " + allowed.describe()}
}

// closer tells whether a says more than b about what the user meant.
func closer(a, b *problem) bool {
	if a.wrongBranch != b.wrongBranch {
		return b.wrongBranch
	}
	return len(a.path) > len(b.path)
}

func (v *validation) alternative(alt alternative, value any, path []step) *problem {
	for _, rule := range alt.rules {
		if text, literal := breaks(rule, value); text != "" {
			return &problem{path, text, literal}
		}
	}
	switch value := value.(type) {
	case []any:
		for i, entry := range value {
			at := append(slices.Clip(path), step{strconv.Itoa(i), true})
			child, ok := alt.item(i)
			if !ok {
				return &problem{path: at, text: "is one entry too many"}
			}
			if p := v.value(child, entry, at); p != nil {
				return p
			}
		}
	case map[string]any:
		return v.object(alt, value, path)
	}
	return nil
}

func (v *validation) object(alt alternative, value map[string]any, path []step) *problem {
	var first *problem
	for _, key := range sortedKeys(value) {
		child, declared, ok := v.member(alt, key)
		at := append(slices.Clip(path), step{key, declared})
		if !ok {
			return &problem{path: at, text: "unknown key" + v.hint(key, []alternative{alt})}
		}
		if p := v.value(child, value[key], at); p != nil && (first == nil || p.wrongBranch) {
			// A literal that does not match tells which alternative was not meant.
			if p.wrongBranch = p.wrongBranch && len(p.path) == len(at); p.wrongBranch {
				return p
			}
			if first == nil {
				first = p
			}
		}
	}
	if first != nil {
		return first
	}
	for _, rule := range alt.rules {
		for _, name := range list(rule["required"]) {
			if name, ok := name.(string); ok {
				if _, has := value[name]; !has {
					return &problem{path: path, text: fmt.Sprintf("lacks the required %q", name)}
				}
			}
		}
	}
	return nil
}

// hint names the key that was probably meant, else the keys there are.
func (s *schema) hint(key string, alternatives []alternative) string {
	known := s.knownKeys(alternatives)
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	const most = 12
	switch {
	case len(known) == 0:
		return ""
	case len(known) > most:
		return "; known here: " + strings.Join(known[:most], ", ") + ", ..."
	}
	return "; known here: " + strings.Join(known, ", ")
}

// breaks says how a value breaks a rule's own limits, or "". `literal`: it is
// not one of the values that the rule lists.
func breaks(rule map[string]any, value any) (text string, literal bool) {
	if values, ok := literals(rule); ok && !slices.ContainsFunc(values, func(v any) bool { return same(v, value) }) {
		return "must be " + oneOf(values), true
	}
	limit := func(keyword string) (json.Number, bool) {
		n, ok := rule[keyword].(json.Number)
		return n, ok
	}
	size, unit := -1, ""
	lower, upper := "minLength", "maxLength"
	switch value := value.(type) {
	case json.Number, int64, float64:
		for _, bound := range []struct {
			keyword, word string
			ok            func(int) bool
		}{
			{"minimum", "at least", func(c int) bool { return c >= 0 }},
			{"maximum", "at most", func(c int) bool { return c <= 0 }},
			{"exclusiveMinimum", "more than", func(c int) bool { return c > 0 }},
			{"exclusiveMaximum", "less than", func(c int) bool { return c < 0 }},
		} {
			if n, has := limit(bound.keyword); has && !bound.ok(compareNumbers(value, n)) {
				return fmt.Sprintf("must be %s %s", bound.word, n), false
			}
		}
		return "", false
	case string:
		size, unit = utf8.RuneCountInString(value), "characters"
	case []any:
		size, unit = len(value), "entries"
		lower, upper = "minItems", "maxItems"
	default:
		return "", false
	}
	if n, has := limit(lower); has && compareNumbers(int64(size), n) < 0 {
		return fmt.Sprintf("must have at least %s %s", n, unit), false
	}
	if n, has := limit(upper); has && compareNumbers(int64(size), n) > 0 {
		return fmt.Sprintf("must have at most %s %s", n, unit), false
	}
	return "", false
}

// oneOf lists the values that a schema allows.
func oneOf(values []any) string {
	const most = 20
	var shown []string
	for _, value := range values[:min(len(values), most)] {
		if text, err := json.Marshal(value); err == nil {
			shown = append(shown, string(text))
		}
	}
	if len(values) > most {
		shown = append(shown, "...")
	}
	if len(shown) == 1 {
		return shown[0]
	}
	return "one of " + strings.Join(shown, ", ")
}

// same compares two parsed values; numbers by value.
func same(a, b any) bool {
	if kindOf(a)&kNumber != 0 && kindOf(b)&kNumber != 0 {
		return compareNumbers(a, b) == 0
	}
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && len(a) == len(b) && includes(b, a)
	case nil, bool, string:
		return a == b
	}
	return false
}

// includes: every member of part is in whole, nested objects alike.
func includes(whole, part map[string]any) bool {
	for key, want := range part {
		have, ok := whole[key]
		if !ok {
			return false
		}
		wantObject, isObject := want.(map[string]any)
		haveObject, both := have.(map[string]any)
		if isObject && both {
			if !includes(haveObject, wantObject) {
				return false
			}
		} else if !same(have, want) {
			return false
		}
	}
	return true
}

// compareNumbers compares whole numbers exactly and others as floats.
func compareNumbers(a, b any) int {
	x, xWhole := whole(a)
	y, yWhole := whole(b)
	if xWhole && yWhole {
		return x.Cmp(y)
	}
	f, g := float(a), float(b)
	switch {
	case f < g:
		return -1
	case f > g:
		return 1
	}
	return 0
}

func whole(number any) (*big.Int, bool) {
	switch number := number.(type) {
	case int64:
		return big.NewInt(number), true
	case json.Number:
		return new(big.Int).SetString(number.String(), 10)
	}
	return nil, false
}

func float(number any) float64 {
	switch number := number.(type) {
	case int64:
		return float64(number)
	case float64:
		return number
	case json.Number:
		f, err := number.Float64()
		if err == nil || math.IsInf(f, 0) {
			return f
		}
	}
	return math.NaN()
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

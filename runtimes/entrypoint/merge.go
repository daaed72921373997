package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// merge applies the overrides (sorted, see splitEnv) to a parsed default and
// validates the result. The document may be changed. Its errors name every
// variable that is wrong, one a line, and show no value.
func (s *schema) merge(document any, overrides []override) (any, error) {
	var wrong []error
	for _, o := range overrides {
		next, err := s.set(s.root, document, o.path, o)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", printable(o.name), err))
			continue
		}
		document = next
	}
	if len(wrong) == 0 {
		if p := s.validate(s.root, document); p != nil {
			wrong = append(wrong, blame(p, overrides))
		}
	}
	if len(wrong) > 0 {
		return nil, &exitError{exitConfig, errors.Join(wrong...).Error()}
	}
	return document, nil
}

// blame names the variable that a problem of the whole document comes from.
func blame(p *problem, overrides []override) error {
	keys := p.keys()
	for i := len(overrides) - 1; i >= 0; i-- { // the most specific is the latest
		switch o := overrides[i]; {
		case slices.Equal(keys, o.path):
			return fmt.Errorf("%s: %s", printable(o.name), p.text)
		case hasPrefix(keys, o.path):
			return fmt.Errorf("%s: %s: %s", printable(o.name), p.where(len(o.path)), p.text)
		}
	}
	for _, o := range overrides {
		if hasPrefix(o.path, keys) {
			return fmt.Errorf("%s: %s: %s", printable(o.name), p.where(len(keys)), p.text)
		}
	}
	return fmt.Errorf("default configuration: %s: %s", p.where(len(keys)), p.text)
}

// set returns `current` with the value of o at path, which counts from here on.
func (s *schema) set(node, current any, path []string, o override) (any, error) {
	if len(path) == 0 {
		return s.read(node, o.raw)
	}
	key := path[0]
	if key == "" {
		return nil, errors.New("has an empty key in its name (keys are separated by two underscores)")
	}
	alternatives := s.expand(node)
	index, isIndex := listIndex(key)
	var asEntry, asMember []any
	for _, alt := range alternatives {
		if alt.kinds&kArray != 0 && isIndex {
			if child, ok := alt.item(index); ok {
				asEntry = append(asEntry, child)
			}
		}
		if alt.kinds&kObject != 0 {
			if child, _, ok := s.member(alt, key); ok {
				asMember = append(asMember, child)
			}
		}
	}
	_, isObject := current.(map[string]any)
	switch {
	case len(asEntry) > 0 && !(isObject && len(asMember) > 0):
		entries, _ := current.([]any)
		if index > len(entries) {
			return nil, fmt.Errorf("leaves a gap in the list %s: it has %d entries, so the next index is %d", before(o, path), len(entries), len(entries))
		}
		var entry any
		if index < len(entries) {
			entry = entries[index]
		}
		entry, err := s.set(union(asEntry), entry, path[1:], o)
		if err != nil {
			return nil, err
		}
		if index == len(entries) {
			return append(entries, entry), nil
		}
		entries[index] = entry
		return entries, nil
	case len(asMember) > 0:
		members, _ := current.(map[string]any)
		if members == nil {
			members = map[string]any{}
		}
		member, err := s.set(union(asMember), members[key], path[1:], o)
		if err != nil {
			return nil, err
		}
		members[key] = member
		return members, nil
	}
	return nil, s.unknown(alternatives, path, o)
}

// unknown says why a path leads nowhere, and what was probably meant.
func (s *schema) unknown(alternatives []alternative, path []string, o override) error {
	var allowed kinds
	for _, alt := range alternatives {
		allowed |= alt.kinds
	}
	switch {
	case allowed&kObject != 0:
		key := path[0]
		if near := nearest(key, s.knownKeys(alternatives)); near != "" {
			fixed := slices.Clone(o.path)
			fixed[len(o.path)-len(path)] = near
			prefix := strings.TrimSuffix(o.name, strings.Join(o.path, "__"))
			return fmt.Errorf("unknown key %q; did you mean %s?", printable(key), printable(prefix+strings.Join(fixed, "__")))
		}
		return fmt.Errorf("unknown key %q%s", printable(key), s.hint(key, alternatives))
	case allowed&kArray != 0:
		return fmt.Errorf("%s is a list: expected an index (0, 1, ...) instead of %q", before(o, path), printable(path[0]))
	case allowed == 0:
		return fmt.Errorf("%s may not be set", before(o, path))
	}
	return fmt.Errorf("%s is %s: it has no keys", before(o, path), allowed.describe())
}

// before shows the part of a variable's path that comes before `rest`.
func before(o override, rest []string) string {
	done := o.path[:len(o.path)-len(rest)]
	if len(done) == 0 {
		return "the configuration"
	}
	return printable(strings.Join(done, "."))
}

func union(nodes []any) any {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return map[string]any{"anyOf": nodes}
}

// read turns a variable's value into what the schema wants at its path: a
// string is taken as it is; anything else is read as JSON. Where both are
// allowed, JSON that gives an allowed value other than a string comes first.
func (s *schema) read(node any, raw string) (any, error) {
	if !utf8.ValidString(raw) {
		return nil, errors.New("the value is not valid UTF-8")
	}
	var allowed kinds
	for _, alt := range s.expand(node) {
		allowed |= alt.kinds
	}
	if allowed == 0 {
		return nil, errors.New("may not be set")
	}
	if allowed == kString {
		return raw, nil
	}
	var value any
	parseError := decodeJSON([]byte(raw), &value)
	if parseError == nil {
		kind := kindOf(value)
		switch {
		case kind == kString || allowed&kind == 0:
		case kind&(kArray|kObject) != 0:
			return value, nil // also when it is not quite right: nobody means this as a string
		case raw != strings.TrimSpace(raw):
		case allowed&kString != 0 && s.validate(node, value) != nil && s.validate(node, raw) == nil:
		default:
			return value, nil
		}
	}
	if allowed&kString != 0 {
		return raw, nil
	}
	if parseError != nil && allowed&(kArray|kObject) != 0 {
		return nil, fmt.Errorf("must be %s; %w", allowed.describe(), parseError)
	}
	return nil, fmt.Errorf("must be %s", allowed.describe())
}

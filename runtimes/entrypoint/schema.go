package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
)

// kinds is a set of JSON types. A number is of kind kInt or kFloat.
type kinds uint8

const (
	kNull kinds = 1 << iota
	kBool
	kInt
	kFloat
	kString
	kArray
	kObject
	kAll    = kNull | kBool | kInt | kFloat | kString | kArray | kObject
	kNumber = kInt | kFloat
)

var kindsByName = map[string]kinds{
	"null": kNull, "boolean": kBool, "integer": kInt, "number": kNumber,
	"string": kString, "array": kArray, "object": kObject,
}

// A schema walks the subset of JSON Schema that zod's toJSONSchema emits.
// Patterns, formats and `not` (but for "nothing at all") are left to the runtime.
type schema struct {
	root any
}

// An alternative is one way to satisfy a schema: no unions and no references
// are left in it. All its rules hold at once.
type alternative struct {
	kinds kinds
	rules []map[string]any
}

// Bounds on schemas that expand without end; past them anything is allowed.
const (
	maxVisits       = 2000
	maxExpandDepth  = 32
	maxAlternatives = 512
)

func loadSchema(path string) (*schema, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, badConfig("cannot read the schema: %v", err)
	}
	s, err := parseSchema(data)
	if err != nil {
		return nil, badConfig("%s: %v", path, err)
	}
	return s, nil
}

func parseSchema(data []byte) (*schema, error) {
	s := &schema{}
	if err := decodeJSON(data, &s.root); err != nil {
		return nil, err
	}
	switch s.root.(type) {
	case bool, map[string]any:
		return s, s.checkReferences(s.root)
	}
	return nil, fmt.Errorf("a JSON Schema is an object or a boolean")
}

// checkReferences makes sure of every $ref once, so that walking cannot fail.
func (s *schema) checkReferences(node any) error {
	switch node := node.(type) {
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			if _, found := s.resolve(ref); !found {
				return fmt.Errorf("$ref %q leads nowhere", ref)
			}
		}
		for _, child := range node {
			if err := s.checkReferences(child); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range node {
			if err := s.checkReferences(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolve follows a JSON pointer inside the document, e.g. "#/$defs/Agent".
func (s *schema) resolve(ref string) (any, bool) {
	pointer, local := strings.CutPrefix(ref, "#")
	if !local {
		return nil, false
	}
	node := s.root
	if pointer == "" {
		return node, true
	}
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		switch parent := node.(type) {
		case map[string]any:
			child, found := parent[part]
			if !found {
				return nil, false
			}
			node = child
		case []any:
			index, ok := listIndex(part)
			if !ok || index >= len(parent) {
				return nil, false
			}
			node = parent[index]
		default:
			return nil, false
		}
	}
	return node, true
}

// expand lists the alternatives of a schema node. None: nothing satisfies it.
func (s *schema) expand(node any) []alternative {
	alternatives, _ := s.expandCounted(node)
	return alternatives
}

// expandCounted also tells how many nodes it took.
func (s *schema) expandCounted(node any) ([]alternative, int) {
	e := expansion{schema: s}
	return e.expand(node, maxExpandDepth), e.visits
}

type expansion struct {
	*schema
	visits int
}

func (e *expansion) expand(node any, depth int) []alternative {
	rule, ok := node.(map[string]any)
	if e.visits++; e.visits > maxVisits || depth == 0 || (!ok && node != false) {
		return []alternative{{kinds: kAll}}
	}
	if !ok || forbidsAll(rule["not"]) {
		return nil
	}
	own := alternative{ownKinds(rule), []map[string]any{rule}}
	if own.kinds == 0 {
		return nil
	}
	result := []alternative{own}
	if ref, ok := rule["$ref"].(string); ok {
		target, _ := e.resolve(ref)
		result = both(result, e.expand(target, depth-1))
	}
	for _, part := range list(rule["allOf"]) {
		result = both(result, e.expand(part, depth-1))
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		choices, ok := rule[keyword].([]any)
		if !ok {
			continue
		}
		var union []alternative
		for _, choice := range choices {
			union = append(union, e.expand(choice, depth-1)...)
		}
		result = both(result, union)
	}
	return result
}

// both combines what satisfies a and what satisfies b.
func both(a, b []alternative) []alternative {
	if len(a)*len(b) > maxAlternatives {
		return []alternative{{kinds: kAll}}
	}
	var result []alternative
	for _, x := range a {
		for _, y := range b {
			if common := x.kinds & y.kinds; common != 0 {
				result = append(result, alternative{common, slices.Concat(x.rules, y.rules)})
			}
		}
	}
	return result
}

func forbidsAll(not any) bool {
	rule, ok := not.(map[string]any)
	return not == true || (ok && len(rule) == 0)
}

func ownKinds(rule map[string]any) kinds {
	allowed := kAll
	switch t := rule["type"].(type) {
	case string:
		allowed = kindsByName[t]
	case []any:
		allowed = 0
		for _, name := range t {
			if name, ok := name.(string); ok {
				allowed |= kindsByName[name]
			}
		}
	}
	if values, ok := literals(rule); ok {
		var found kinds
		for _, value := range values {
			found |= kindOf(value)
		}
		allowed &= found
	}
	return allowed
}

// literals gives the values of `enum` or `const`, when a rule has one.
func literals(rule map[string]any) ([]any, bool) {
	if value, ok := rule["const"]; ok {
		return []any{value}, true
	}
	values, ok := rule["enum"].([]any)
	return values, ok
}

// member gives the schema of an object's member; false when it may not exist.
// `declared` says that the schema names the key, so that it is no user's word.
func (s *schema) member(alt alternative, key string) (child any, declared, ok bool) {
	var named, other []any
	for _, rule := range alt.rules {
		if names, has := rule["propertyNames"]; has {
			if s.validate(names, key) != nil {
				return nil, false, false
			}
			names, _ := names.(map[string]any)
			_, listed := literals(names)
			declared = declared || listed
		}
		properties, _ := rule["properties"].(map[string]any)
		if schema, has := properties[key]; has {
			named = append(named, schema)
		} else if schema, has := rule["additionalProperties"]; has {
			other = append(other, schema)
		}
	}
	if len(named) > 0 {
		return all(named), true, true
	}
	for _, schema := range other {
		if schema == false {
			// Patterns are not matched here: a key that may match one is allowed.
			open := slices.ContainsFunc(alt.rules, func(r map[string]any) bool { return r["patternProperties"] != nil })
			return true, declared, open
		}
	}
	return all(other), declared, true
}

// item gives the schema of a list's entry; false when it may not exist.
func (alt alternative) item(index int) (child any, ok bool) {
	var found []any
	for _, rule := range alt.rules {
		prefix := list(rule["prefixItems"])
		if index < len(prefix) {
			found = append(found, prefix[index])
		} else if rest, has := rule["items"]; has {
			if rest == false {
				return nil, false
			}
			found = append(found, rest)
		}
	}
	return all(found), true
}

// knownKeys lists what an object's schema names, sorted.
func (s *schema) knownKeys(alternatives []alternative) []string {
	keys := map[string]bool{}
	for _, alt := range alternatives {
		for _, rule := range alt.rules {
			properties, _ := rule["properties"].(map[string]any)
			for key := range properties {
				keys[key] = true
			}
			names, _ := rule["propertyNames"].(map[string]any)
			values, _ := literals(names)
			for _, value := range values {
				if key, ok := value.(string); ok {
					keys[key] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func all(schemas []any) any {
	switch len(schemas) {
	case 0:
		return true
	case 1:
		return schemas[0]
	}
	return map[string]any{"allOf": schemas}
}

func list(value any) []any {
	entries, _ := value.([]any)
	return entries
}

// kindOf classes a value of a parsed document. A date of TOML counts as text.
func kindOf(value any) kinds {
	switch value := value.(type) {
	case nil:
		return kNull
	case bool:
		return kBool
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			return kFloat
		}
		return kInt
	case int64:
		return kInt
	case float64:
		return kFloat
	case []any:
		return kArray
	case map[string]any:
		return kObject
	}
	return kString
}

// describe names the kinds for a message: "a boolean or a string".
func (k kinds) describe() string {
	var names []string
	for _, entry := range []struct {
		kinds kinds
		name  string
	}{
		{kBool, "true or false"}, {kNumber, "a number"}, {kInt, "a whole number"}, {kFloat, "a number"},
		{kString, "a string"}, {kArray, "a list (JSON)"}, {kObject, "an object (JSON)"}, {kNull, "null"},
	} {
		if k&entry.kinds == entry.kinds {
			names = append(names, entry.name)
			k &^= entry.kinds
		}
	}
	return strings.Join(names, " or ")
}

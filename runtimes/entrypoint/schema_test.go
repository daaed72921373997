package main

import (
	"strings"
	"testing"
	"time"
)

func mustSchema(t testing.TB, text string) *schema {
	t.Helper()
	s, err := parseSchema([]byte(text))
	if err != nil {
		t.Fatalf("schema: %v", err)
	}
	return s
}

func mustParse(t testing.TB, text string) any {
	t.Helper()
	var value any
	if err := decodeJSON([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func TestParseSchemaRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                                    "an object or a boolean",
		`{`:                                     "not valid JSON",
		`{"$ref":"#/$defs/a"}`:                  `$ref "#/$defs/a" leads nowhere`,
		`{"$ref":"other.json#/a"}`:              "leads nowhere",
		`{"items":[{"$ref":"#/nothing/here"}]}`: "leads nowhere",
	} {
		if _, err := parseSchema([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Each case: a schema, values it takes, values it refuses with the reason.
func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name, schema string
		good         []string
		bad          map[string]string
	}{
		{"anything", `{}`, []string{`1`, `null`, `{"a":[1]}`}, nil},
		{"true", `true`, []string{`1`, `null`}, nil},
		{"false", `false`, nil, map[string]string{`1`: "may not be set", `null`: "may not be set"}},
		{"never", `{"not":{}}`, nil, map[string]string{`1`: "may not be set"}},
		{"string", `{"type":"string","minLength":2,"maxLength":3}`, []string{`"ab"`, `"äöü"`},
			map[string]string{`"a"`: "at least 2", `"abcd"`: "at most 3", `1`: "must be a string"}},
		{"integer", `{"type":"integer","minimum":1,"maximum":9007199254740991}`, []string{`1`, `9007199254740991`},
			map[string]string{`0`: "at least 1", `9007199254740992`: "at most 9007199254740991", `1.5`: "a whole number", `"1"`: "a whole number", `99999999999999999999999`: "at most"}},
		{"number", `{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":2}`, []string{`1`, `0.3`, `1e-3`},
			map[string]string{`0`: "more than 0", `2.0`: "less than 2", `1e999`: "too large a number", `1e99999999999`: "too large a number"}},
		{"boolean", `{"type":"boolean"}`, []string{`true`}, map[string]string{`"true"`: "true or false"}},
		{"type list", `{"type":["string","null"]}`, []string{`null`, `"a"`}, map[string]string{`1`: "a string or null"}},
		{"enum", `{"type":"string","enum":["a","b"]}`, []string{`"a"`}, map[string]string{`"c"`: `one of "a", "b"`, `1`: "must be a string"}},
		{"const", `{"const":1}`, []string{`1`}, map[string]string{`2`: "must be 1"}},
		{"list", `{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2}`, []string{`[1]`},
			map[string]string{`[]`: "at least 1 entries", `[1,2,3]`: "at most 2", `[1,"a"]`: "1: must be a whole number"}},
		{"tuple", `{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false}`, []string{`["a",1]`, `["a"]`},
			map[string]string{`[1]`: "0: must be a string", `["a",1,2]`: "2: is one entry too many"}},
		{"object", `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`, []string{`{"a":""}`},
			map[string]string{`{}`: `lacks the required "a"`, `{"a":"","b":1}`: "b: unknown key", `[]`: "an object"}},
		{"open object", `{"type":"object","properties":{"a":{"type":"string"}}}`, []string{`{"b":1}`}, map[string]string{`{"a":1}`: "a: must be a string"}},
		{"record", `{"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"integer"}}`, []string{`{"x":1}`}, map[string]string{`{"x":""}`: "x: must be a whole number"}},
		{"enum record", `{"type":"object","propertyNames":{"enum":["x","y"]},"additionalProperties":{"type":"integer"}}`, []string{`{"x":1}`}, map[string]string{`{"z":1}`: "z: unknown key"}},
		{"anyOf", `{"anyOf":[{"type":"string"},{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}]}`, []string{`"x"`, `{"a":1}`},
			map[string]string{`1`: "a string or an object", `{"a":""}`: "a: must be a whole number", `{"b":1}`: "b: unknown key"}},
		{"discriminated", `{"oneOf":[{"type":"object","properties":{"k":{"const":"a"},"n":{"type":"integer"}},"additionalProperties":false},{"type":"object","properties":{"k":{"const":"b"},"s":{"type":"string"}},"additionalProperties":false}]}`,
			[]string{`{"k":"a","n":1}`, `{"k":"b","s":""}`}, map[string]string{`{"k":"b","s":1}`: "s: must be a string", `{"k":"a","n":""}`: "n: must be a whole number"}},
		{"allOf", `{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false},{"type":"object","properties":{"b":{"type":"string"}},"additionalProperties":false}]}`,
			[]string{`{"a":"","b":""}`}, map[string]string{`{"c":""}`: "c: unknown key"}},
		{"$ref", `{"$defs":{"n/e":{"type":"object","properties":{"next":{"$ref":"#/$defs/n~1e"}},"additionalProperties":false}},"$ref":"#/$defs/n~1e"}`,
			[]string{`{"next":{"next":{}}}`}, map[string]string{`{"next":{"nxt":{}}}`: "nxt: unknown key"}},
		{"definitions", `{"definitions":{"e":{"type":"integer"}},"type":"object","additionalProperties":{"$ref":"#/definitions/e"}}`, []string{`{"a":1}`}, map[string]string{`{"a":""}`: "a: must be"}},
		{"root reference", `{"type":"object","properties":{"sub":{"$ref":"#"}},"additionalProperties":false}`, []string{`{"sub":{"sub":{}}}`}, map[string]string{`{"sub":{"x":1}}`: "x: unknown key"}},
		{"pattern properties", `{"type":"object","patternProperties":{"^x-":{}},"additionalProperties":false}`, []string{`{"x-a":1}`}, nil},
		{"endless reference", `{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}`, []string{`1`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustSchema(t, c.schema)
			for _, text := range c.good {
				if p := s.validate(s.root, mustParse(t, text)); p != nil {
					t.Errorf("%s: %s: %s", text, p.where(99), p.text)
				}
			}
			for text, want := range c.bad {
				p := s.validate(s.root, mustParse(t, text))
				if p == nil {
					t.Errorf("%s: accepted", text)
				} else if got := p.where(99) + ": " + p.text; !strings.Contains(got, want) {
					t.Errorf("%s: %q, want %q", text, got, want)
				}
			}
		})
	}
}

func TestValidateIsBounded(t *testing.T) {
	// Each level doubles the ways to fail.
	s := mustSchema(t, `{"$defs":{"n":{"anyOf":[{"type":"object","properties":{"c":{"$ref":"#/$defs/n"},"a":{"const":1}}},{"type":"object","properties":{"c":{"$ref":"#/$defs/n"},"a":{"const":2}}}]}},"$ref":"#/$defs/n"}`)
	deep := mustParse(t, strings.Repeat(`{"c":`, 150)+`{"a":3}`+strings.Repeat(`}`, 150))
	if s.validate(s.root, deep) == nil {
		t.Error("accepted")
	}
	list := mustSchema(t, `{"$defs":{"l":{"type":"array","items":{"$ref":"#/$defs/l"}}},"$ref":"#/$defs/l"}`)
	if p := list.validate(list.root, mustParse(t, strings.Repeat("[", 5000)+strings.Repeat("]", 5000))); p == nil || !strings.Contains(p.text, "too deeply") {
		t.Errorf("problem = %v", p)
	}
	loop := mustSchema(t, `{"anyOf":[{"$ref":"#"},{"$ref":"#"},{"type":"array","items":{"$ref":"#"}}]}`)
	start := time.Now()
	loop.validate(loop.root, mustParse(t, `[[[[1]]]]`))
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("a looping schema took %v", took)
	}
	wide := mustSchema(t, `{"allOf":[`+strings.TrimSuffix(strings.Repeat(`{"anyOf":[{},{},{},{},{},{},{},{}]},`, 20), ",")+`]}`)
	if n := len(wide.expand(wide.root)); n > maxAlternatives {
		t.Errorf("%d alternatives", n)
	}
}

func FuzzSchema(f *testing.F) {
	f.Add(testSchema, `{"gateway":{"port":1}}`, "gateway__port", "1")
	f.Add(`{"$ref":"#"}`, `{}`, "a__0", "[]")
	f.Add(`{"anyOf":[{"$ref":"#"},{"allOf":[{"$ref":"#"},{"type":"array","prefixItems":[true,false]}]}]}`, `[1]`, "a", "x")
	f.Add(`{"type":["object"],"propertyNames":{"not":{}},"required":[1],"properties":[],"additionalProperties":3}`, `{"a":1e400}`, "a__b", "1e400")
	f.Fuzz(func(t *testing.T, schemaText, documentText, path, raw string) {
		s, err := parseSchema([]byte(schemaText))
		if err != nil {
			return
		}
		var document any
		if decodeJSON([]byte(documentText), &document) != nil {
			return
		}
		if p := s.validate(s.root, document); p != nil && p.text == "" {
			t.Error("a problem without a text")
		}
		merged, err := s.merge(document, []override{{"X_" + path, strings.Split(path, "__"), raw}})
		if err == nil {
			if p := s.validate(s.root, merged); p != nil {
				t.Errorf("merged but not valid: %s", p.text)
			}
		}
	})
}

package main

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

const testSchema = `{
  "$defs": {
    "secret": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "object", "properties": {"source": {"const": "env"}, "id": {"type": "string"}}, "required": ["source", "id"], "additionalProperties": false}]},
    "model": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"primary": {"type": "string"}, "fallbacks": {"type": "array", "items": {"type": "string"}}}, "additionalProperties": false}]}
  },
  "type": "object",
  "properties": {
    "gateway": {"type": "object", "properties": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}, "bind": {"enum": ["loopback", "lan"]}, "token": {"$ref": "#/$defs/secret"}}, "required": ["port"], "additionalProperties": false},
    "agents": {"type": "object", "properties": {
      "defaults": {"type": "object", "properties": {"model": {"$ref": "#/$defs/model"}, "temperature": {"type": "number"}}, "additionalProperties": false},
      "list": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}, "model": {"$ref": "#/$defs/model"}}, "required": ["id"], "additionalProperties": false}}
    }, "additionalProperties": false},
    "channels": {"type": "object", "propertyNames": {"enum": ["telegram", "slack"]}, "additionalProperties": {"type": "object", "properties": {
      "enabled": {"type": "boolean"}, "botToken": {"type": "string"}, "allowFrom": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}}, "additionalProperties": false}},
    "env": {"type": "object", "additionalProperties": {"type": "string"}},
    "limit": {"type": ["integer", "null"]},
    "stream": {"anyOf": [{"const": false}, {"enum": ["partial", "full"]}, {"type": "string", "minLength": 12}]},
    "text": {"type": "string"},
    "open": {}
  },
  "additionalProperties": false
}`

const testDefault = `{"gateway": {"port": 3000, "bind": "lan"}, "agents": {"defaults": {"model": "a/b", "temperature": 0.30}, "list": [{"id": "main"}]}, "text": "x"}`

// mergeJSON merges variables (NAME=value, without the prefix) into testDefault and returns one-line JSON.
func mergeJSON(t testing.TB, variables ...string) (string, error) {
	t.Helper()
	s := mustSchema(t, testSchema)
	var environ []string
	for _, v := range variables {
		environ = append(environ, "X_"+v)
	}
	overrides, _ := splitEnv(environ, "X_")
	merged, err := s.merge(mustParse(t, testDefault), overrides)
	if err != nil {
		return "", err
	}
	data, err := encode("json", merged)
	if err != nil {
		t.Fatal(err)
	}
	return compact(data), nil
}

func compact(data []byte) string {
	var lines []string
	for _, line := range strings.Split(string(data), "\n") {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.ReplaceAll(strings.Join(lines, ""), `": `, `":`)
}

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		name      string
		variables []string
		want      string // a part of the result
	}{
		{"nothing", nil, `{"agents":{"defaults":{"model":"a/b","temperature":0.30},"list":[{"id":"main"}]},"gateway":{"bind":"lan","port":3000},"text":"x"}`},
		{"integer", []string{"gateway__port=8080"}, `"port":8080`},
		{"number as written", []string{"agents__defaults__temperature=1.50"}, `"temperature":1.50`},
		{"string that looks like a number", []string{"text=007"}, `"text":"007"`},
		{"string that looks like JSON", []string{`text={"a":1}`}, `"text":"{\"a\":1}"`},
		{"empty string is a value", []string{"text="}, `"text":""`},
		{"HTML is left alone", []string{"text=<a>&</a>"}, `"text":"<a>&</a>"`},
		{"boolean in a new object", []string{"channels__telegram__enabled=true"}, `"channels":{"telegram":{"enabled":true}}`},
		{"record key with any letters", []string{"env__My-Key.x=1"}, `"env":{"My-Key.x":"1"}`},
		{"list replaced", []string{`agents__list=[{"id":"z"}]`}, `"list":[{"id":"z"}]`},
		{"list entry", []string{"agents__list__0__id=z"}, `"list":[{"id":"z"}]`},
		{"list appended in order", []string{"agents__list__2__id=c", "agents__list__1__id=b"}, `"list":[{"id":"main"},{"id":"b"},{"id":"c"}]`},
		{"new list by index", []string{"channels__slack__allowFrom__0=bob", "channels__slack__allowFrom__1=42"}, `"allowFrom":["bob",42]`},
		{"parent, then child", []string{"gateway__port=1", `gateway={"port":2,"bind":"loopback"}`}, `"gateway":{"bind":"loopback","port":1}`},
		{"union: string", []string{"agents__defaults__model=x/y"}, `"model":"x/y"`},
		{"union: object", []string{`agents__defaults__model={"primary":"p"}`}, `"model":{"primary":"p"}`},
		{"union: into the object", []string{"agents__defaults__model__primary=p"}, `"model":{"primary":"p"}`},
		{"union: token of digits", []string{"gateway__token=12345"}, `"token":"12345"`},
		{"union: literal", []string{"stream=false"}, `"stream":false`},
		{"union: JSON that is not allowed stays a string", []string{"stream=1234567890123"}, `"stream":"1234567890123"`},
		{"null", []string{"limit=null"}, `"limit":null`},
		{"anything: JSON", []string{"open=[1, 2]"}, `"open":[1,2]`},
		{"anything: text", []string{"open=hello"}, `"open":"hello"`},
		{"anything: quoted text stays as it is", []string{`open="hello"`}, `"open":"\"hello\""`},
		{"anything: below", []string{"open__a__0__b=1"}, `"open":{"a":[{"b":1}]}`},
		{"big number as written", []string{"open=123456789012345678901234567890"}, `"open":123456789012345678901234567890`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mergeJSON(t, c.variables...)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("got %s, want %s in it", got, c.want)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	for _, c := range []struct{ variable, want string }{
		{"gatway__port=1", `X_gatway__port: unknown key "gatway"; did you mean X_gateway__port?`},
		{"gateway__prot=1", `X_gateway__prot: unknown key "prot"; did you mean X_gateway__port?`},
		{"gateway__Port=1", `X_gateway__Port: unknown key "Port"; did you mean X_gateway__port?`},
		{"chanels__telegram__botToken=1", `did you mean X_channels__telegram__botToken?`},
		{"channels__telegramm__botToken=1", `did you mean X_channels__telegram__botToken?`},
		{"channels__irc__botToken=1", `X_channels__irc__botToken: unknown key "irc"; known here: slack, telegram`},
		{"gateway__port=S3CRET", `X_gateway__port: must be a whole number`},
		{"gateway__port=", `X_gateway__port: must be a whole number`},
		{"gateway__port= 80", `X_gateway__port: must be a whole number`},
		{"gateway__port=1.5", `X_gateway__port: must be a whole number`},
		{"gateway__port=70000", `X_gateway__port: must be at most 65535`},
		{"gateway__bind=S3CRET", `X_gateway__bind: must be one of "loopback", "lan"`},
		{"gateway__bind__x=S3CRET", `X_gateway__bind__x: gateway.bind is a string: it has no keys`},
		{"gateway__token=", `X_gateway__token: must have at least 1 characters`},
		{`gateway__token={"source":"S3CRET","id":"x"}`, `X_gateway__token: gateway.token.source: must be "env"`},
		{`gateway__token={"S3CRET":"x"}`, `X_gateway__token: gateway.token.*: unknown key; known here: id, source`},
		{`channels={"S3CRET":{}}`, `X_channels: channels.*: unknown key; known here: slack, telegram`},
		{`channels={"telegram":{"bottoken":"S3CRET"}}`, `X_channels: channels.telegram.*: unknown key; did you mean "botToken"?`},
		{"channels__telegram__enabled=yes", `X_channels__telegram__enabled: must be true or false`},
		{"channels__telegram__allowFrom=S3CRET", `X_channels__telegram__allowFrom: must be a list (JSON); not valid JSON`},
		{`channels__telegram__allowFrom=["S3CRET"] x`, `X_channels__telegram__allowFrom: must be a list (JSON); not valid JSON`},
		{`channels__telegram__allowFrom={"a":"S3CRET"}`, `X_channels__telegram__allowFrom: must be a list (JSON)`},
		{`channels__telegram__allowFrom=[true]`, `X_channels__telegram__allowFrom: channels.telegram.allowFrom.0: must be a whole number or a string`},
		{"channels__telegram__allowFrom__x=1", `channels.telegram.allowFrom is a list: expected an index`},
		{"channels__telegram__allowFrom__01=1", `channels.telegram.allowFrom is a list: expected an index`},
		{"agents__list__5__id=x", `X_agents__list__5__id: leaves a gap in the list agents.list: it has 1 entries, so the next index is 1`},
		{"agents__list__1__model=x", `X_agents__list__1__model: agents.list.1: lacks the required "id"`},
		{"agents____list=x", `X_agents____list: has an empty key in its name`},
		{"text=\xffS3CRET", `X_text: the value is not valid UTF-8`},
		{"te\nxt=S3CRET", `"X_te\nxt": unknown key`},
	} {
		t.Run(c.variable, func(t *testing.T) {
			_, err := mergeJSON(t, c.variable)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "S3CRET") {
				t.Errorf("shows the value: %q", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			if coded, ok := err.(*exitError); !ok || coded.code != exitConfig {
				t.Errorf("not exit code 2: %#v", err)
			}
		})
	}
}

func TestMergeNamesEveryWrongVariable(t *testing.T) {
	_, err := mergeJSON(t, "gateway__port=x", "nope=1", "text=fine")
	if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "X_gateway__port") || !strings.Contains(err.Error(), "X_nope") {
		t.Errorf("got %v", err)
	}
}

// The environment's order must not matter.
func TestMergeIsDeterministic(t *testing.T) {
	variables := []string{"gateway__port=1", `gateway={"port":2}`, "gateway__bind=lan", "agents__list__1__id=b", "agents__list__2__id=c", `agents={"list":[{"id":"a"}]}`, "env__b=1", "env__a=2", "text=t"}
	first, err := mergeJSON(t, variables...)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		rand.Shuffle(len(variables), func(i, j int) { variables[i], variables[j] = variables[j], variables[i] })
		if next, err := mergeJSON(t, variables...); err != nil || next != first {
			t.Fatalf("%q: %s, %v; before: %s", variables, next, err, first)
		}
	}
}

func TestRedact(t *testing.T) {
	document := mustParse(t, `{"a":{"b":"S3CRET","c":1},"l":["S3CRET",2]}`)
	overrides, _ := splitEnv([]string{"X_a__b=S3CRET", "X_l__0=S3CRET", "X_d={}", "X_d__e=S3CRET"}, "X_")
	document, err := redact(document, overrides)
	if err != nil {
		t.Fatal(err)
	}
	data, err := encode("json", document)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := compact(data), `{"a":{"b":"<set>","c":1},"d":"<set>","l":["<set>",2]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever bytes a value has: it arrives exactly, or is refused as not UTF-8.
func FuzzOverrides(f *testing.F) {
	for _, seed := range []string{"", "plain", `quo"te`, "new\nline", `back\slash`, `\n`, "tab\t\r\x00\x1f\x7f", "\xff", "\u2028\u0085", `""" '''`, "$(id) `id` ${x}", "#]=", "ü😀", "null", "1e5", "\xef\xbb\xbf", strings.Repeat("long ", 5000)} {
		f.Add(seed, "text")
	}
	f.Add("x", "gateway__port")
	f.Add("x", "a__\x00__\xff")
	s := mustSchema(f, testSchema)
	f.Fuzz(func(t *testing.T, value, tail string) {
		document, err := s.merge(mustParse(t, testDefault), []override{{"X_text", []string{"text"}, value}})
		if (err == nil) != utf8.ValidString(value) {
			t.Fatalf("%q: %v", value, err)
		}
		for _, format := range []string{"json", "toml"} {
			if err != nil {
				break
			}
			data, err := encode(format, document)
			if err != nil {
				t.Fatalf("%s %q: %v", format, value, err)
			}
			again, err := parse(format, data)
			if err != nil {
				t.Fatalf("%s %q: written, but %v: %s", format, value, err, data)
			}
			if got := again.(map[string]any)["text"]; got != value {
				t.Fatalf("%s: wrote %q, read %q", format, value, got)
			}
			if gateway := again.(map[string]any)["gateway"].(map[string]any); len(gateway) != 2 || len(again.(map[string]any)) != 3 {
				t.Fatalf("%s %q: keys appeared or went: %s", format, value, data)
			}
		}
		// Any name: never a panic, and an error is one line without control characters.
		overrides, _ := splitEnv([]string{"X_" + tail + "=" + value}, "X_")
		if _, err := s.merge(mustParse(t, testDefault), overrides); err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b\x00") {
			t.Fatalf("error of %q is not one line: %q", tail, err)
		}
	})
}

// Merging JSON values in, parent or child: always valid, always the same bytes.
func FuzzMerge(f *testing.F) {
	f.Add(`{"port":1}`, `[{"id":"a"}]`, `{"a":[1,{"b":null}]}`)
	f.Add(`{"port":1,"token":{"source":"env","id":"x"}}`, `[]`, `1e30`)
	f.Add(`null`, `[`, ``)
	s := mustSchema(f, testSchema)
	f.Fuzz(func(t *testing.T, gateway, agents, open string) {
		overrides, _ := splitEnv([]string{"X_gateway=" + gateway, "X_agents__list=" + agents, "X_open=" + open, "X_open__k=v", "X_gateway__bind=lan"}, "X_")
		document, err := s.merge(mustParse(t, testDefault), overrides)
		if err != nil {
			return
		}
		first, err := encode("json", document)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse("json", first)
		if err != nil {
			t.Fatalf("%v: %s", err, first)
		}
		if p := s.validate(s.root, again); p != nil {
			t.Fatalf("written, but not valid: %s", p.text)
		}
		second, err := encode("json", again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("not stable: %s, then %s", first, second)
		}
		if toml, err := encode("toml", document); err == nil {
			if _, err := parse("toml", toml); err != nil {
				t.Fatalf("TOML: %v: %s", err, toml)
			}
		}
	})
}

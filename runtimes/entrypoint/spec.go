package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// A spec is what an image's /etc/claw/runtime.json says of its runtime.
// Members this version does not know are ignored.
type spec struct {
	// Name of the runtime, for messages.
	Name string `json:"name"`
	// Prefix of the override variables, e.g. "OPENCLAW_".
	Prefix string `json:"prefix"`
	// Overrides is "merge" (we write default + overrides to Config) or
	// "native" (the runtime reads the variables itself).
	Overrides string `json:"overrides"`
	// Format of Default and Config: "json" or "toml".
	Format string `json:"format"`
	// Default is the configuration baked into the image.
	Default string `json:"default"`
	// Schema is a JSON Schema of the configuration; required for "merge".
	Schema string `json:"schema"`
	// Config is where the runtime reads its configuration.
	Config string `json:"config"`
	// RunDir holds the health marker. Default: Config's directory for
	// "merge", /run/claw for "native".
	RunDir string `json:"runDir"`
	// StateDir is what the claw's volume covers.
	StateDir string `json:"stateDir"`
	// Workspace is copied once, when To does not exist. Optional.
	Workspace *struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"workspace"`
	Command []string   `json:"command"`
	Health  healthSpec `json:"health"`
	// Front: the runtime listens on loopback only, behind the program "front". Optional.
	Front *frontSpec `json:"front"`
	// KeepFiles: variables ending in _FILE that the runtime itself reads as the path of a file. Optional.
	KeepFiles []string `json:"keepFiles"`
}

type frontSpec struct {
	Listen       int `json:"listen"`
	UpstreamPort int `json:"upstreamPort"`
	// Rewrite: where a client asks for the path on the left, the runtime is asked for the one on the right.
	Rewrite map[string]string `json:"rewrite"`
}

type healthSpec struct {
	Port int    `json:"port"`
	Path string `json:"path"`
	// Expect: members that the JSON answer must have, compared deeply.
	Expect         map[string]any `json:"expect"`
	StartupSeconds int            `json:"startupSeconds"`
}

func (s *spec) native() bool { return s.Overrides == "native" }

func loadSpec(path string) (*spec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, badConfig("cannot read the runtime's description: %v", err)
	}
	s := &spec{}
	if err := decodeJSON(data, s); err != nil {
		return nil, badConfig("%s: %v", path, err)
	}
	if s.RunDir == "" {
		s.RunDir = "/run/claw"
		if !s.native() {
			s.RunDir = filepath.Dir(s.Config)
		}
	}
	if problem := s.problem(); problem != "" {
		return nil, badConfig("%s: %s", path, problem)
	}
	return s, nil
}

// problem says what is wrong with the spec, or "".
func (s *spec) problem() string {
	switch {
	case s.Name == "" || s.Prefix == "":
		return `"name" and "prefix" are required`
	case s.Overrides != "merge" && s.Overrides != "native":
		return `"overrides" must be "merge" or "native"`
	case s.Format != "json" && s.Format != "toml":
		return `"format" must be "json" or "toml"`
	case s.Schema == "" && !s.native():
		return `"schema" is required to merge`
	case len(s.Command) == 0 || s.Command[0] == "":
		return `"command" must name a program`
	case !isPort(s.Health.Port):
		return `"health.port" must be a port`
	case !strings.HasPrefix(s.Health.Path, "/") || strings.ContainsAny(s.Health.Path, " \r\n"):
		return `"health.path" must be an absolute path without spaces`
	case s.Health.StartupSeconds < 1:
		return `"health.startupSeconds" must be at least 1`
	case s.Workspace != nil && (!filepath.IsAbs(s.Workspace.From) || !filepath.IsAbs(s.Workspace.To)):
		return `"workspace.from" and "workspace.to" must be absolute paths`
	}
	if s.Front != nil {
		if problem := s.Front.problem(); problem != "" {
			return problem
		}
	}
	for name, path := range map[string]string{"default": s.Default, "config": s.Config, "stateDir": s.StateDir, "runDir": s.RunDir} {
		if !filepath.IsAbs(path) {
			return fmt.Sprintf("%q must be an absolute path", name)
		}
	}
	return ""
}

func (f *frontSpec) problem() string {
	if !isPort(f.Listen) || !isPort(f.UpstreamPort) || f.Listen == f.UpstreamPort {
		return `"front.listen" and "front.upstreamPort" must be two ports`
	}
	for from, to := range f.Rewrite {
		for _, path := range []string{from, to} {
			parsed, err := url.ParseRequestURI(path)
			if err != nil || parsed.EscapedPath() != path || strings.HasPrefix(path, "//") || strings.Contains(path, "=") {
				return `"front.rewrite" must map absolute paths, escaped as in a request, to such`
			}
		}
	}
	return ""
}

func isPort(n int) bool { return n > 0 && n < 65536 }

// decodeJSON reads exactly one JSON value. Numbers into `any` stay as written.
// Errors give a place, never a piece of the text, which may be a secret.
func decodeJSON(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		if wrong, ok := err.(*json.UnmarshalTypeError); ok {
			return fmt.Errorf("%q has the wrong type", wrong.Field)
		}
		return fmt.Errorf("not valid JSON (near byte %d)", decoder.InputOffset())
	}
	at := decoder.InputOffset()
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("not valid JSON (more text after byte %d)", at)
	}
	return nil
}

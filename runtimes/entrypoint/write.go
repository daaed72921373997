package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// parse reads a configuration document. Errors give a place, never the text.
func parse(format string, data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	if format == "json" {
		var document any
		if err := decodeJSON(data, &document); err != nil {
			return nil, err
		}
		if kindOf(document) != kObject {
			return nil, errors.New("must hold a JSON object")
		}
		return document, nil
	}
	document := map[string]any{}
	if err := toml.Unmarshal(data, &document); err != nil {
		var decode *toml.DecodeError
		if errors.As(err, &decode) {
			line, column := decode.Position()
			return nil, fmt.Errorf("not valid TOML (line %d, column %d)", line, column)
		}
		return nil, errors.New("not valid TOML")
	}
	return document, nil
}

// encode writes a document with sorted keys: the same input, the same bytes.
func encode(format string, document any) ([]byte, error) {
	var out bytes.Buffer
	if format == "json" {
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(document); err != nil {
			return nil, errors.New("the configuration cannot be written as JSON")
		}
		return out.Bytes(), nil
	}
	plain, err := tomlValue(document, nil)
	if err != nil {
		return nil, err
	}
	if err := toml.NewEncoder(&out).Encode(plain); err != nil {
		return nil, errors.New("the configuration cannot be written as TOML")
	}
	return out.Bytes(), nil
}

// tomlValue replaces JSON's numbers by TOML's, and refuses what TOML has not.
func tomlValue(value any, path []string) (any, error) {
	at := func() string { return printable(strings.Join(path, ".")) }
	switch value := value.(type) {
	case nil:
		return nil, badConfig("%s: TOML has no null", at())
	case json.Number:
		if kindOf(value) == kInt {
			n, err := value.Int64()
			if err != nil {
				return nil, badConfig("%s: the number is too large for TOML", at())
			}
			return n, nil
		}
		f, err := value.Float64()
		if err != nil || math.IsInf(f, 0) {
			return nil, badConfig("%s: the number is too large for TOML", at())
		}
		return f, nil
	case []any:
		entries := make([]any, len(value))
		for i, entry := range value {
			plain, err := tomlValue(entry, append(path, fmt.Sprint(i)))
			if err != nil {
				return nil, err
			}
			entries[i] = plain
		}
		return entries, nil
	case map[string]any:
		members := make(map[string]any, len(value))
		for _, key := range sortedKeys(value) {
			plain, err := tomlValue(value[key], append(path, key))
			if err != nil {
				return nil, err
			}
			members[key] = plain
		}
		return members, nil
	}
	return value, nil
}

// writePrivate puts data at path with mode 0600, whole or not at all. A file or
// a link that is already there is replaced, never followed or written through.
func writePrivate(path string, data []byte) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Chmod(0o600) // whatever the umask
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Times of the health check; variables so that tests need not wait.
var (
	probeTimeout  = 5 * time.Second
	startInterval = 100 * time.Millisecond
	retryInterval = time.Second
	retryFor      = 10 * time.Second
)

const maxAnswer = 1 << 20

// health asks the runtime once; with a hold it is Docker's check, see holdHealth.
func health(s *spec, hold time.Duration, stdout, stderr io.Writer) error {
	var err error
	if hold > 0 {
		err = holdHealth(s, hold, stderr)
	} else {
		err = probe(s.Health, probeTimeout)
	}
	if err != nil {
		return fmt.Errorf("%s is not healthy: %w", s.Name, err)
	}
	fmt.Fprintf(stdout, "%s is healthy\n", s.Name)
	return nil
}

// marker is the file that says: this start has been healthy once.
func marker(s *spec) string { return filepath.Join(s.RunDir, "healthy") }

// holdHealth is a check for engines without a start interval: they may call it
// every second, and it waits by itself.
//
// Until the first good answer of a start it asks every 100 ms and returns at
// that answer. After that it returns `hold` after a good answer; a bad one is
// asked again each second for 10 s. When it gives up it takes the marker away,
// so that the return of the runtime is seen at once too.
func holdHealth(s *spec, hold time.Duration, stderr io.Writer) error {
	mark := marker(s)
	if _, err := os.Lstat(mark); err == nil {
		if err := probeUntil(s.Health, retryFor, retryInterval); err != nil {
			return errors.Join(err, forget(mark))
		}
		time.Sleep(hold)
		return nil
	}
	if err := probeUntil(s.Health, time.Duration(s.Health.StartupSeconds)*time.Second, startInterval); err != nil {
		return err
	}
	if err := writePrivate(mark, nil); err != nil { // healthy all the same, only asked more often
		fmt.Fprintf(stderr, "entrypoint: cannot leave the health marker: %v\n", err)
	}
	return nil
}

// forget removes a file that may not be there.
func forget(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return os.Remove(path)
}

// probeUntil repeats the probe until it is good or the time is over.
func probeUntil(h healthSpec, limit, interval time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		err := probe(h, min(probeTimeout, max(time.Until(deadline), startInterval)))
		if err == nil {
			return nil
		}
		if time.Until(deadline) <= interval {
			return err
		}
		time.Sleep(interval)
	}
}

// probe asks the runtime's health path. Good is a status of 2xx and, where
// something is expected, a JSON object with it: a status alone says little, as
// some runtimes answer 200 on any path.
//
// HTTP/1.0 by hand: the answer is never chunked, and the check, which runs for
// a claw's whole life, stays a third of the size that net/http would make it.
func probe(h healthSpec, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(h.Port))
	conn, err := net.DialTimeout("tcp4", address, timeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	request := "GET " + h.Path + " HTTP/1.0\r\nHost: " + address + "\r\nUser-Agent: clawfleet-entrypoint\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	status, body, err := readAnswer(conn)
	switch {
	case err != nil:
		return err
	case status < 200 || status > 299:
		return fmt.Errorf("GET %s answered %d", h.Path, status)
	case len(h.Expect) == 0:
		return nil
	}
	var answer any
	if err := decodeJSON(body, &answer); err != nil {
		return fmt.Errorf("GET %s: the answer is %w", h.Path, err)
	}
	members, ok := answer.(map[string]any)
	if !ok || !includes(members, h.Expect) {
		return fmt.Errorf("GET %s: the answer lacks what is expected of %s", h.Path, strings.Join(sortedKeys(h.Expect), ", "))
	}
	return nil
}

// readAnswer reads an HTTP response of at most maxAnswer bytes.
func readAnswer(conn io.Reader) (status int, body []byte, err error) {
	limited := &io.LimitedReader{R: conn, N: maxAnswer + 1}
	reader := bufio.NewReader(limited)
	line, err := reader.ReadString('\n')
	if err != nil {
		return 0, nil, fmt.Errorf("no HTTP answer: %w", err)
	}
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/1.") {
		return 0, nil, errors.New("the answer is not HTTP")
	}
	if status, err = strconv.Atoi(fields[1]); err != nil {
		return 0, nil, errors.New("the answer is not HTTP")
	}
	length := int64(-1)
	for {
		line, err = reader.ReadString('\n')
		if err != nil {
			return 0, nil, fmt.Errorf("the answer broke off: %w", err)
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if name == "" {
			break
		}
		if strings.EqualFold(name, "Content-Length") {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && n >= 0 {
				length = n
			}
		}
	}
	var rest io.Reader = reader
	if length >= 0 {
		rest = io.LimitReader(reader, length)
	}
	body, err = io.ReadAll(rest)
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("the answer broke off: %w", err)
	case limited.N == 0:
		return 0, nil, errors.New("the answer is larger than 1 MiB")
	case length > int64(len(body)):
		return 0, nil, errors.New("the answer broke off")
	}
	return status, body, nil
}

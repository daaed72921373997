package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// headerTimeout bounds how long a client may take for a request's header; bodies and answers may take for ever.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// drainTimeout is how long clients may take to read the last bytes of a runtime that has ended.
	drainTimeout = 2 * time.Second
)

type front struct {
	server  *http.Server
	running sync.WaitGroup // requests, upgraded connections included
}

func newFront(o options, stderr io.Writer) *front {
	f := &front{}
	proxy := newProxy(o.upstream, o.rewrite)
	f.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.running.Add(1)
			defer f.running.Done()
			proxy.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          log.New(stderr, "front: ", 0),
	}
	return f
}

func newProxy(upstream int, rewrite map[string]string) *httputil.ReverseProxy {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(upstream))
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			url := r.Out.URL
			url.Scheme, url.Host = "http", address
			url.RawQuery = r.In.URL.RawQuery // also what Go's parser does not take
			path, _, _ := strings.Cut(r.In.RequestURI, "?")
			if to, ok := rewrite[path]; ok {
				path = to
			}
			// As the client wrote it: Go would escape some of it anew. "//" is a host in that place.
			if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") {
				url.Opaque = path
			}
			// The runtime sees every client come from loopback, where one may trust such headers.
			for name := range r.Out.Header {
				if strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip" {
					r.Out.Header.Del(name)
				}
			}
			r.SetXForwarded()
		},
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			// A connection that is used again may be closed by the runtime at that moment, and what is not safe to repeat fails.
			DisableKeepAlives:  true,
			DisableCompression: true, // else Go asks for it and unpacks it
		},
		FlushInterval: -1,
		// Not logged: until the runtime is up each health check comes here, and the errors quote what the runtime said.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "the runtime does not answer", http.StatusBadGateway)
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// drain lets clients read what the runtime has sent before it ended, for a moment.
func (f *front) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if f.server.Shutdown(ctx) != nil {
		return // the time is over: what is left ends with us
	}
	done := make(chan struct{})
	go func() {
		f.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

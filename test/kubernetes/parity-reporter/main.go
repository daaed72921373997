// Command reporter stands where a runtime's program is in an image that cannot be built here. It listens where the
// image's /etc/claw/runtime.json says that the runtime listens, and answers every path with what its health answer must
// have. It is no runtime: what runs around it is what is looked at.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	data, err := os.ReadFile("/etc/claw/runtime.json")
	if err != nil {
		log.Fatal(err)
	}
	var spec struct {
		Health struct {
			Port   int
			Expect json.RawMessage
		}
		Front *struct{ UpstreamPort int }
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		log.Fatal(err)
	}
	address := fmt.Sprintf(":%d", spec.Health.Port)
	if spec.Front != nil {
		address = fmt.Sprintf("127.0.0.1:%d", spec.Front.UpstreamPort)
	}
	answer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write(spec.Health.Expect); err != nil {
			log.Print(err)
		}
	}
	log.Fatal(http.ListenAndServe(address, http.HandlerFunc(answer)))
}

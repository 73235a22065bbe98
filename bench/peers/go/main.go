// The WebDAV server that many Go programs contain: golang.org/x/net/webdav on plain files, with
// locks in memory. Built by bench/run from Debian's packages, without a network.
package main

import (
	"flag"
	"log"
	"net/http"

	"golang.org/x/net/webdav"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "address and port")
	root := flag.String("data", ".", "folder to serve")
	flag.Parse()
	handler := &webdav.Handler{
		FileSystem: webdav.Dir(*root),
		LockSystem: webdav.NewMemLS(),
	}
	// No timeouts: connections live for the whole run. No logger: nothing is logged per request.
	// GOMAXPROCS is the number of cores already.
	log.Fatal(http.ListenAndServe(*address, handler))
}

// Package record remembers what an HTTP answer was, for the log's line of a request and for telling whether
// half of an answer has gone out. The cloud's doors (httpapi, openapi, pages) use it; it decides nothing and
// changes no answer. It runs in the cloud's process.
package record

import "net/http"

// Writer is an http.ResponseWriter that remembers. It belongs to the request's goroutine.
type Writer struct {
	http.ResponseWriter
	Status int   // as answered; 0: nothing has been yet
	Bytes  int64 // of the body
}

// WriteHeader implements http.ResponseWriter.
func (w *Writer) WriteHeader(status int) {
	if w.Status == 0 {
		w.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *Writer) Write(b []byte) (int, error) {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.Bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

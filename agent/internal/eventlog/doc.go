// Package eventlog is the agent's log where it has no console: the event log of
// Windows. The agent's main package writes warnings and errors to it and reads the last
// error of a service that failed. It keeps to bounds: the log is everybody's, and what
// one program pours in pushes out what others wrote.
package eventlog

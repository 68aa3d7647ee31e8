// Package cloudapi holds what the agent and the cloud say to each other over
// HTTPS: paths, messages, error codes and headers. Data only, a leaf: it
// imports nothing of ours. cloud/openapi.yaml describes the same API and
// validates each request and answer in all tests.
package cloudapi

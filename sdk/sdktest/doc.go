// Package sdktest is a fake agent for the tests of programs that use ISCDesk,
// written in Go or in C: it listens on a socket of its own and answers every
// call of the local protocol out of memory. Its clock, its outages and its
// refusals are scripted, so that a program can be shown what a customer's
// machine will one day do to it.
//
// It is for tests only: it checks nobody's rights and keeps nothing. It must
// never be linked into a program that ships.
//
//	agent := sdktest.NewAgent(t)
//	client, err := sdk.Init(ctx, sdk.Options{Endpoint: agent.Endpoint(), Product: "cad"})
//	agent.Refuse(api.MethodSave, api.DiskFull)
package sdktest

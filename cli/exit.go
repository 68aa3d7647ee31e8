package main

import "github.com/iscdesk/iscdesk/sdk/api"

// Exit codes, for scripts; the help of "iscdesk" lists them too.
const (
	exitOK          = 0
	exitFailed      = 1 // it was tried and failed
	exitUsage       = 2 // the command line is wrong
	exitAgentAbsent = 3 // no agent, or none that can be used
	exitNotSignedIn = 4 // nobody is signed in, or the password is wrong
	exitRefused     = 5 // the agent or the cloud said no
	exitCloudAway   = 6 // the cloud cannot be reached or used
	exitTimeout     = 7 // the time given with --timeout or --wait ran out
	exitCancelled   = 8 // the user or an application cancelled
)

// exitCode sorts the codes of the contract into the few that a script branches on.
func exitCode(code api.Code) int {
	switch code {
	case api.OK:
		return exitOK
	case api.InvalidArgument, api.TooLarge:
		return exitUsage
	case api.Timeout, api.LicenseLate:
		return exitTimeout
	case api.Cancelled:
		return exitCancelled
	case api.AgentAbsent, api.AgentTooOld, api.AgentLost, api.AgentUntrusted:
		return exitAgentAbsent
	case api.NotSignedIn, api.WrongCredentials, api.SessionExpired:
		return exitNotSignedIn
	case api.CloudUnreachable, api.CloudUntrusted, api.CloudAnswer, api.CloudNotSet, api.CloudFull:
		return exitCloudAway
	case api.Forbidden, api.ProductUnknown, api.ProductDenied, api.RootCaller,
		api.LicenseNone, api.LicenseExpired, api.LicenseRefused, api.ClockSuspect, api.LicenseUntrusted,
		api.NotFound, api.HeldByOther, api.NotCheckedOut, api.CheckoutLost, api.NameExists, api.NameInvalid,
		api.NotCloudFile, api.Conflict,
		api.ImportNotDocument, api.ImportDamaged, api.ImportKeyUnknown, api.ImportOtherMachine, api.ImportEnded, api.ImportNotBegun:
		return exitRefused
	}
	return exitFailed // LicenseUnknown too: nobody said no
}

// silentExit ends the command with a code after everything was printed.
type silentExit int

func (silentExit) Error() string { return "" }

// Package browserless answers the pages of package picker over HTTP as a browser
// would, for the demo and for scenarios: it exchanges the address's fragment for
// the bearer, follows the page's own hx- attributes, sends its forms, and keeps
// the heartbeat. It knows nothing that is not on the page. Connections are only
// answered to the page's own user, so a program that runs as root starts itself
// again as that user (Task and Report cross that border).
package browserless

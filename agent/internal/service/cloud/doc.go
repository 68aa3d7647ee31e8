// Package cloud is the agent's typed client of the cloud: the device's enrolment
// and tokens, sign-in calls, and one User for each signed-in OS user. Rooms of
// the service call it; workers do not (they hold transfer tokens only). It keeps
// no token on disk and never mixes "the cloud is away" with "the cloud said no":
// see package cloudhttp for its errors.
package cloud

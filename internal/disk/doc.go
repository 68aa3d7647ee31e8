// Package disk says how much room a disk has, for those that tell a person about it:
// the agent's and the command's doctor. It is a leaf and must never write.
package disk

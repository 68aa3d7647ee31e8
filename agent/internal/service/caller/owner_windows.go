package caller

import "golang.org/x/sys/windows"

// TokenOwner reads whose a token is, and with which rights; they carry no Token.
func TokenOwner(t windows.Token) (UID, Rights, error) {
	id, err := identityOf(t)
	return id.uid, Rights{Logon: id.logon, Elevated: id.elevated}, err
}

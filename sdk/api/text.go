package api

// Text gives the sentences of a code.
func Text(code Code, language string) (message, hint string) { return "", "" }

package produce

// Control is what a connection's address goes through, for tests that cannot have such addresses.
func Control(c *Caller, address string) error { return c.control("", address, nil) }

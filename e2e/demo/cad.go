//go:build linux

package main

import "context"

func (d *demo) example(ctx context.Context) error { return nil }
func (d *demo) licence(ctx context.Context) error { return nil }

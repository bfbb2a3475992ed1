//go:build race

package body

const overwritten = true

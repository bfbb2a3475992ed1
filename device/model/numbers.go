package model

import (
	"strconv"
	"strings"
)

// unsigned takes whole numbers up to a largest one, decimal or 0x hexadecimal,
// and stores them decimal. Decimal places are dropped, as of a Time0; blank is 0
// (inferred).
func unsigned(largest uint64) func(*Param, string) (string, bool) {
	return func(p *Param, value string) (string, bool) {
		n, ok := parseUnsigned(value)
		if !ok || n > largest {
			return "", false
		}
		return decimalText(value, n), true
	}
}

// decimalText writes a number in decimal, without a copy where it is already.
func decimalText(value string, n uint64) string {
	for i := range len(value) {
		if c := value[i]; c < '0' || c > '9' || i == 0 && c == '0' {
			return strconv.FormatUint(n, 10)
		}
	}
	if value == "" {
		return "0"
	}
	return value
}

func parseUnsigned(value string) (uint64, bool) {
	if digits, ok := hexDigits(value); ok {
		n, err := strconv.ParseUint(digits, 16, 64)
		return n, err == nil
	}
	whole, fraction, _ := strings.Cut(value, ".")
	if !allDigits(whole) || !allDigits(fraction) || value == "." {
		return 0, false
	}
	if whole == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(whole, 10, 64)
	return n, err == nil
}

func hexDigits(value string) (digits string, ok bool) {
	if len(value) > 2 && value[0] == '0' && value[1]|0x20 == 'x' {
		return value[2:], true
	}
	return "", false
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// takeHex stores a byte as the samples print it: 0x68.
func takeHex(p *Param, value string) (string, bool) {
	n, ok := parseUnsigned(value)
	if !ok || n > 255 {
		return "", false
	}
	const digits = "0123456789abcdef"
	if p.Default != "" && value == p.Default {
		return value, true
	}
	return string([]byte{'0', 'x', digits[n>>4], digits[n&15]}), true
}

// decimal takes numbers of at most so many decimal places; further ones are
// dropped (documented for times). Blank is 0 (inferred).
func decimal(places int, signed bool) func(*Param, string) (string, bool) {
	return func(p *Param, value string) (string, bool) {
		if value == p.Default {
			return value, true
		}
		n, ok := parseDecimal(value, places, signed)
		if !ok {
			return "", false
		}
		// The factory's spelling is kept: .5 for a half, 0.030 for a packet.
		if d, ok := parseDecimal(p.Default, places, signed); ok && d == n {
			return p.Default, true
		}
		return n.text(p.Default), true
	}
}

// A decimalNumber is so many units, of which scale make one.
type decimalNumber struct {
	units, scale int64
}

func parseDecimal(value string, places int, signed bool) (decimalNumber, bool) {
	n := decimalNumber{0, 1}
	for range places {
		n.scale *= 10
	}
	if digits, ok := hexDigits(value); ok {
		v, err := strconv.ParseUint(digits, 16, 32)
		n.units = int64(v) * n.scale
		return n, err == nil
	}
	digits, negative := strings.CutPrefix(value, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if negative && !signed || !allDigits(whole) || !allDigits(fraction) || digits == "." || negative && digits == "" || len(whole) > 10 {
		return decimalNumber{}, false
	}
	fraction = fraction[:min(len(fraction), places)]
	for _, part := range [...]string{whole, fraction} {
		for i := range len(part) {
			n.units = n.units*10 + int64(part[i]-'0')
		}
	}
	for range places - len(fraction) {
		n.units *= 10
	}
	if negative {
		n.units = -n.units
	}
	return n, true
}

// text writes a number without needless zeros, and without one in front of the
// point where the default has none.
func (n decimalNumber) text(like string) string {
	whole, rest := n.units/n.scale, n.units%n.scale
	if rest == 0 {
		return strconv.FormatInt(whole, 10)
	}
	var b [24]byte
	out := b[:0]
	if n.units < 0 {
		out, whole, rest = append(out, '-'), -whole, -rest
	}
	if whole != 0 || !strings.HasPrefix(like, ".") {
		out = strconv.AppendInt(out, whole, 10)
	}
	out = append(out, '.')
	for scale := n.scale / 10; rest > 0; scale /= 10 {
		out = append(out, byte('0'+rest/scale))
		rest %= scale
	}
	return string(out)
}

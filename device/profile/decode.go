package profile

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"
)

// Decode opens a file as a device does and returns what it says. The order is
// fixed: size, presence of encryption where the rule has a key, openssl, gzip,
// container, compiled binary, XML. A file's name never matters (documented).
//
// The error is an *[Error]; the File is then empty. body is not changed, and
// kept only with Options.Keep.
func Decode(body []byte, o Options) (File, error) {
	f, err := decode(body, o)
	if err != nil {
		return File{}, err
	}
	for i := range f.Params {
		if v := &f.Params[i].Value; len(*v) > maxValue {
			*v = (*v)[:maxValue]
			f.Truncated++
		}
	}
	return f, nil
}

func decode(body []byte, o Options) (File, error) {
	if o.exceeds(len(body)) {
		return File{}, tooLarge(o.Limit)
	}
	if o.EmptyFile && isBlank(body) {
		return File{}, nil
	}
	if o.CompiledOnly && !isContainer(body) && !isCompiled(body) {
		return File{}, corrupt("firmware before 2.0.6 takes compiled files only")
	}
	if o.Keyed && !o.AcceptPlainUnderKey && !sealed(body) {
		return File{}, &Error{Text: errExpecting, Hint: hintUnderKey(body)}
	}
	if isSalted(body) {
		return decodeSalted(body, o)
	}
	return decodeOpen(body, o)
}

// sealed reports whether a file may be encrypted, going by its first bytes.
// Those of a compiled binary do not say whether it is keyed.
func sealed(body []byte) bool {
	return isSalted(body) || isContainer(body) || isCompiled(body)
}

func tooLarge(limit int) *Error {
	return &Error{Text: errSize, Hint: fmt.Sprintf("more than %d bytes", limit)}
}

func decodeSalted(body []byte, o Options) (File, error) {
	if !o.Keyed {
		return File{}, &Error{Text: errDecrypt, Hint: "the file is encrypted, but the rule has no --key"}
	}
	if o.Key == "" {
		return File{}, &Error{Text: errZeroKey, Hint: "the rule's --key is empty: is the parameter that it names set?"}
	}
	plain, err := decrypt(body, o.Key, o.Explain)
	if err != nil {
		return File{}, err
	}
	o.Keep = true // it is this call's own
	f, err := decodeOpen(plain, o)
	if err != nil && !plausible(plain) {
		return File{}, corrupt(explainNoise(body, o.Key, o.Explain))
	}
	f.Protection |= Keyed
	return f, err
}

// decodeOpen decodes what is not encrypted, or no longer.
func decodeOpen(body []byte, o Options) (File, error) {
	if isGzip(body) {
		plain, err := gunzip(body, o.Limit)
		if err != nil {
			return File{}, err
		}
		body, o.Keep = plain, true
	}
	switch {
	case isContainer(body):
		return decodeContainer(body, o)
	case isCompiled(body):
		return decodeCompiled(body, o)
	case o.AcceptSource && !isMarkup(body) && !isBlank(body):
		return decodeSource(string(body))
	}
	f, err := Scan(textOf(body, o), o)
	var pe *Error
	if errors.As(err, &pe) && pe.Text == errCorrupt {
		if hint := foreignHint(body); hint != "" {
			if pe.Hint = hint; isBlank(body) {
				pe.Mistake = emptyFile
			}
		}
	}
	return f, err
}

// textOf returns a body as text, in memory of its own unless the body may be kept.
func textOf(body []byte, o Options) string {
	if o.Keep {
		return unsafe.String(unsafe.SliceData(body), len(body))
	}
	return string(body)
}

func decodeSource(text string) (File, error) {
	params, err := ParseSource(text)
	if err != nil {
		return File{}, corrupt(err.Error())
	}
	return File{Params: params}, nil
}

func isBlank(body []byte) bool { return len(bytes.TrimLeft(body, space)) == 0 }

// isMarkup reports whether the first character that is no white space is a <.
func isMarkup(body []byte) bool {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte(byteOrderMark)), space)
	return len(body) > 0 && body[0] == '<'
}

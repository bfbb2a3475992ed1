package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"spafleet/device/hint"
	"spafleet/device/model"
)

type flag = pflag.Flag

// nearest returns a hint at the choice that a misspelled word is nearest to.
func nearest(word string, choices []string) string { return model.DidYouMean(word, choices) }

// explain returns the text of an error and what would help. Below this package
// errors carry hints as data: only here are commands and flags named.
func explain(err error) string {
	text := strings.TrimRight(err.Error(), "\n")
	between := "; "
	if strings.Contains(text, "\n") {
		between = "\nhint: "
	}
	for _, h := range hint.In(err) {
		text += between + advice(h)
	}
	return text
}

func advice(h hint.Error) string {
	switch h.Kind {
	case hint.Models:
		return "'spafleet models list' shows all"
	case hint.Switches:
		return fmt.Sprintf("'spafleet models show %s' lists them", h.Of)
	case hint.Elsewhere:
		return "name another folder, or replace it with --force"
	case hint.Replace:
		return "replace it with --force"
	case hint.MakePKI:
		return "make one: spafleet certs init --dir " + h.Of
	case hint.RemakePKI:
		return fmt.Sprintf("'spafleet certs init --dir %s --force' replaces all files", h.Of)
	case hint.WebPort:
		return "choose another port with --listen-web"
	case hint.SIPPort:
		return "choose others with --sip-port: it stands for 5060"
	case hint.Param:
		return fmt.Sprintf("give it: --with params.%s=VALUE", h.Of)
	case hint.Shard:
		return "'spafleet run --result FILE' writes one"
	}
	return ""
}

// writeJSON prints one value, indented.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

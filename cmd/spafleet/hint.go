package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/pflag"

	"spafleet/device/model"
)

type flag = pflag.Flag

// nearest returns a hint at the choice that a misspelled word is nearest to.
func nearest(word string, choices []string) string { return model.DidYouMean(word, choices) }

// writeJSON prints one value, indented.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"spafleet/device/model"
	"spafleet/device/profile"
	"spafleet/host"
)

// compileFlags say which device a container is for, and how it is locked.
type compileFlags struct {
	container profile.Container
	aes, rc4  bool
	seed      uint64
	json      bool
	quiet     bool
	log       string
	commands  string // --cmd-file
	sample    sampleFlags
}

func compileCommand(s streams) *cobra.Command {
	f := &compileFlags{}
	c := &cobra.Command{
		Use:   "compile IN [OUT]",
		Short: "Compile source text or XML, as the vendor's spc does",
		Long: `Compiles a profile into spafleet's own container format, SPAFLTC1, which only
emulated devices accept. The vendor's binary format is not public. The container
supports the same options, so you can test files addressed to one device.

IN is source text as for the vendor's compiler, or XML, plain or compressed:

  Profile_Rule "http://192.0.2.1/$MA.cfg" ;    # no mark: not for the end user
  User_ID[1] ! "1001" ;                        # ! the end user may change it
  Display_Name_1_ ? "Desk" ;                   # ? the end user may read it
  import base.txt

In source text each parameter has an access; XML without a ua attribute becomes na.
With --aes or --rc4 the device's rule needs the same key: [--key KEY]. A * after a
name, as in templates for remote customization, is accepted and reported. A value
without quotes ends at the semicolon.

The options have the names of the vendor's compiler. --sample-profile,
--sample-xml, --sample-xml-compact and --xml-schema take no IN. They write the
factory parameters of a model to OUT: as source text, as XML, as XML without
comments, or as the schema of that XML.`,
		Example: `  spafleet profile compile phone.txt 000e08012345.cfg --target 000e08012345
  spafleet profile compile phone.xml phone.cfg --family 'phone 9xx' \
      --aes --hex-key 000102030405060708090a0b0c0d0e0f
  spafleet profile compile - --scramble < phone.txt > phone.cfg
  spafleet profile compile --sample-xml --model SPA942 spa942.xml`,
		Args: cobra.ArbitraryArgs, // counted when --cmd-file has been read
	}
	f.register(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		args, err := f.withCommandFile(c, s, args)
		if err != nil {
			return err
		}
		if f.sample.asked() {
			return f.sample.write(s, args)
		}
		if f.sample.model+f.sample.firmware != "" || f.sample.attributes {
			return fmt.Errorf("--model, --firmware and --va are for samples: add --sample-xml or another")
		}
		if err := inOut(c, args); err != nil {
			return err
		}
		if f.json && outOf(args) == "-" {
			return fmt.Errorf("profile compile --json needs OUT: without it the profile goes to the standard output")
		}
		return f.compile(c, s, args)
	}
	return c
}

func (f *compileFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.container.MAC, "target", "", "only the device of this `MAC` address can open it")
	flags.BoolVar(&f.container.Scramble, "scramble", false, "any device can read it, but no person")
	flags.StringVar(&f.container.Family, "family", "", "only devices of this `FAMILY` take it; 'spafleet models list' shows them")
	flags.BoolVar(&f.aes, "aes", false, "encrypt with AES")
	flags.BoolVar(&f.rc4, "rc4", false, "encrypt with RC4")
	flags.StringVar(&f.container.AsciiKey, "ascii-key", "", "`KEY` as text, hashed to 128 bits")
	flags.StringVar(&f.container.HexKey, "hex-key", "", "`KEY` as hexadecimal digits: 128, 192 or 256 bits")
	flags.BoolVar(&f.quiet, "quiet", false, "print nothing")
	flags.StringVar(&f.log, "log", "", "append a line to this `FILE`")
	flags.StringVar(&f.commands, "cmd-file", "", "read further arguments from this `FILE`")
	f.sample.register(c)
	addSeed(c, &f.seed)
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
}

// compiled is what was made of what.
type compiled struct {
	File        string              `json:"file"`
	Parameters  int                 `json:"parameters"`
	Custom      []string            `json:"custom,omitempty"` // names with a * behind
	Description profile.Description `json:"description"`
}

// String returns one line of prose.
func (c compiled) String() string {
	line := fmt.Sprintf("%s: %d parameters; %s", c.File, c.Parameters, c.Description)
	if len(c.Custom) > 0 {
		line += "; a customization may change " + strings.Join(c.Custom, ", ")
	}
	return line
}

func (f *compileFlags) compile(c *cobra.Command, s streams, args []string) error {
	container, err := f.options(chance(c, f.seed))
	if err != nil {
		return fmt.Errorf("profile compile: %w", err)
	}
	body, err := readInput(s, args[0])
	if err != nil {
		return err
	}
	params, err := paramsOf(args[0], body)
	if err != nil {
		return fmt.Errorf("compile %s: %w", args[0], err)
	}
	data, err := profile.Compile(params, container)
	if err != nil {
		return err
	}
	if err := writeOutput(s, outOf(args), data); err != nil {
		return err
	}
	return f.tell(s, compiled{outOf(args), len(params), customOf(params), profile.Describe(data)})
}

// tell says what was made, except on an output that holds the file itself.
func (f *compileFlags) tell(s streams, made compiled) error {
	if f.log != "" {
		if err := appendLine(f.log, made.String()); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	switch {
	case f.quiet || made.File == "-":
		return nil
	case f.json:
		return writeJSON(s.out, made)
	}
	_, err := fmt.Fprintln(s.out, made)
	return err
}

// importCost is what an import takes of mostInput beside its length: files that
// import each other are many though they are short.
const importCost = 1 << 10

func appendLine(name, line string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

func customOf(params []profile.Param) []string {
	var names []string
	for _, p := range params {
		if p.Custom {
			names = append(names, p.Name)
		}
	}
	return names
}

// withCommandFile adds the arguments of --cmd-file to those of the command line.
// The file may not name another.
func (f *compileFlags) withCommandFile(c *cobra.Command, s streams, args []string) ([]string, error) {
	if f.commands == "" {
		return args, nil
	}
	name := f.commands
	text, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	words, err := splitWords(string(text))
	if err != nil {
		return nil, fmt.Errorf("--cmd-file %s: %w", name, err)
	}
	if err := c.Flags().Parse(words); err != nil {
		return nil, flagError(c, fmt.Errorf("--cmd-file %s: %w", name, err))
	}
	if f.commands != name {
		return nil, fmt.Errorf("--cmd-file %s names another, %s", name, f.commands)
	}
	return append(args, c.Flags().Args()...), nil
}

// splitWords splits a text at white space outside of double quotes.
func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	quoted, open := false, false
	for _, r := range text {
		switch {
		case r == '"':
			quoted, open = !quoted, true
		case unicode.IsSpace(r) && !quoted:
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if quoted {
		return nil, errors.New("a quote is never closed")
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}

// options checks the flags for what only a person gets wrong; the rest is the
// package's to check.
func (f *compileFlags) options(chance io.Reader) (profile.Container, error) {
	o := f.container
	o.MAC = plainMAC(o.MAC)
	switch key := o.AsciiKey + o.HexKey; {
	case f.aes && f.rc4:
		return o, fmt.Errorf("--aes and --rc4 exclude each other")
	case f.aes:
		o.Cipher = profile.AES
	case f.rc4:
		o.Cipher = profile.RC4
	case key != "":
		return o, fmt.Errorf("a key is for --aes or --rc4: add one of them")
	}
	if o.Cipher != profile.NoCipher && o.AsciiKey+o.HexKey == "" {
		return o, fmt.Errorf("%s needs a key: add --ascii-key or --hex-key", o.Cipher)
	}
	if o.Family != "" && !slices.Contains(families(), o.Family) {
		return o, fmt.Errorf("unknown family %q%s; it is one of %s", o.Family, nearest(o.Family, families()), strings.Join(families(), ", "))
	}
	for _, b := range [][]byte{o.Salt[:], o.IV[:]} {
		if _, err := io.ReadFull(chance, b); err != nil {
			return o, fmt.Errorf("draw salt: %w", err)
		}
	}
	return o, nil
}

// plainMAC takes a MAC address with its colons or hyphens too.
func plainMAC(text string) string {
	return strings.ToLower(strings.NewReplacer(":", "", "-", "").Replace(text))
}

func families() []string {
	var names []string
	for m := range model.All() {
		if name := m.Family.Name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// paramsOf reads source text or XML. Imports are beside the file.
func paramsOf(name string, body []byte) ([]profile.Param, error) {
	switch d := profile.Describe(body); {
	case d.Format == profile.FormatXML, d.Format == profile.FormatGzip:
		file, err := profile.Decode(body, profile.Options{Limit: mostInput})
		if err == nil && file.Partly != "" {
			err = fmt.Errorf("devices take only a part of it, %s", file.Partly)
		}
		return file.Params, err
	case d.Format == profile.FormatSource:
	case d.Format != profile.FormatUnknown:
		return nil, fmt.Errorf("it is already compiled or encrypted (%s); give its source text or XML", d)
	case d.Hint != "":
		return nil, fmt.Errorf("%s", d.Hint)
	}
	left := int64(mostInput)
	return profile.ParseSourceFiles(string(body), func(file string) (string, error) {
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(name), file)
		}
		text, err := host.ReadFile(file, left)
		left -= int64(len(text)) + importCost
		return string(text), err
	})
}

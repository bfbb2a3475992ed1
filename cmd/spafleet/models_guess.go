package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spafleet/device/model"
)

func modelsGuessCommand(s streams) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "guess UA...",
		Short: "Say which model and firmware a User-Agent is",
		Long: `Says which model, firmware, MAC address and serial number a User-Agent names, in the
forms of HTTP (Linksys/SPA-942-6.1.5(a) (SERIAL), Cisco/SPA504G-7.5.5 (MAC)(SERIAL))
and of SIP (Linksys/SPA942-6.1.5(a)). An argument may be a line of a log: the
User-Agent in it is found. With - the lines of standard input are read, and those
without one are passed over. Exit code 3 if no model is known.`,
		Example: `  spafleet models guess 'Cisco/SPA504G-7.4.9c (0002FD000001)(CCQ16230001)'
  spafleet models guess - < /var/log/nginx/access.log
  spafleet models guess --json - < access.log | jq -r .model | sort | uniq -c`,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("give a User-Agent, such as 'Linksys/SPA-942-6.1.5(a) (88019FA00001)', or - for the lines of standard input")
		}
		return nil
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		g := &guesses{w: s.out, json: asJSON}
		for _, arg := range args {
			if arg != "-" {
				g.add(guessOf(arg))
				continue
			}
			if err := g.lines(s.in); err != nil {
				return err
			}
		}
		switch {
		case g.known > 0:
			return nil
		case g.told == 0:
			fmt.Fprintf(s.err, "spafleet: none of %d lines has a User-Agent such as Linksys/SPA-942-6.1.5(a) (88019FA00001)\n", g.read)
		}
		return exitWith(exitFailed)
	}
	return c
}

// A guess is what a User-Agent says of its device.
type guess struct {
	UserAgent  string `json:"user_agent"`
	Known      bool   `json:"known"` // the model is
	Model      string `json:"model,omitempty"`
	Firmware   string `json:"firmware,omitempty"`
	Evidence   string `json:"firmware_evidence,omitempty"`
	Assumption string `json:"assumption,omitempty"` // of a firmware that no source names
	MAC        string `json:"mac,omitempty"`
	Serial     string `json:"serial,omitempty"`
	Error      string `json:"error,omitempty"` // why the model is not known

	formed bool // it has the form of a User-Agent
}

func guessOf(text string) guess {
	u, ok := model.FindUserAgent(text)
	if !ok {
		return guess{UserAgent: text, Error: "no User-Agent such as Linksys/SPA-942-6.1.5(a) (88019FA00001) is in it"}
	}
	g := guess{UserAgent: u.Text, Firmware: u.Firmware, MAC: u.MAC, Serial: u.Serial, formed: true}
	name := strings.ReplaceAll(u.PN, "-", "")
	if u.Model != nil {
		name = u.Model.Name
	}
	row, err := model.NewRow(name, u.Firmware, nil)
	if err != nil {
		g.Error = err.Error()
		return g
	}
	g.Known, g.Model, g.Evidence, g.Assumption = true, row.Model.Name, row.Firmware.Evidence.String(), row.Assumption()
	return g
}

// guesses prints one guess after the other.
type guesses struct {
	w           io.Writer
	json        bool
	read        int // lines of standard input
	told, known int
}

// mostLogLine is the longest line of a log, in bytes.
const mostLogLine = 64 << 10

// lines reads a log, and passes over lines without a User-Agent of these devices.
func (g *guesses) lines(in io.Reader) error {
	list := bufio.NewScanner(in)
	list.Buffer(nil, mostLogLine)
	for list.Scan() {
		g.read++
		if one := guessOf(list.Text()); one.formed {
			g.add(one)
		}
	}
	if errors.Is(list.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d of standard input has more than %d bytes", g.read+1, mostLogLine)
	}
	return list.Err()
}

const guessFormat = "%-9s  %-16s  %-12s  %-12s  %s\n"

func (g *guesses) add(one guess) {
	if one.Known {
		g.known++
	}
	g.told++
	if g.json {
		_ = json.NewEncoder(g.w).Encode(one) // a closed pipe is nobody's trouble
		return
	}
	if g.told == 1 {
		fmt.Fprintf(g.w, guessFormat, "MODEL", "FIRMWARE", "MAC", "SERIAL", "FIRMWARE IS")
	}
	note := one.Assumption
	switch {
	case !one.formed:
		note = oneLine(one.UserAgent) + ": " + one.Error
	case !one.Known:
		note = one.Error
	case note == "":
		note = "known (" + one.Evidence + ")"
	}
	fmt.Fprintf(g.w, guessFormat, cmp.Or(one.Model, "-"), cmp.Or(one.Firmware, "-"), cmp.Or(one.MAC, "-"), cmp.Or(one.Serial, "-"), note)
}

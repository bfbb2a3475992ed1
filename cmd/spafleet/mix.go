package main

import (
	"fmt"
	"strings"

	"spafleet/device/model"
	"spafleet/scenarios"
)

// readMix reads the models of a mix: A,B in equal shares, A=75%,B=25%, or A=75%,B,
// where models without a share divide what is left. A firmware version may stand
// behind a model.
func readMix(text string) ([]scenarios.Share, error) {
	var mix []scenarios.Share
	left, open := 100.0, 0
	for _, word := range strings.Split(text, ",") {
		name, share, given := strings.Cut(strings.TrimSpace(word), "=")
		name, firmware, _ := strings.Cut(strings.TrimSpace(name), " ")
		row, err := model.NewRow(name, strings.TrimSpace(firmware), nil)
		if err != nil {
			return nil, err
		}
		s := scenarios.Share{Model: row.Model.Name, Firmware: row.Firmware.Version}
		if !given {
			open++
		} else {
			q, err := scenarios.ParseQuantity(share)
			if err != nil || !q.Percent || q.N <= 0 {
				return nil, fmt.Errorf("%s=%s: a share is a percentage above 0, such as %s=75%%", name, share, name)
			}
			s.Percent = q.N
			left -= q.N
		}
		mix = append(mix, s)
	}
	if open > 0 && left <= 0.01 {
		return nil, fmt.Errorf("the shares of %s leave nothing for the models without one", text)
	}
	if left < -0.01 || open == 0 && left > 0.01 {
		return nil, fmt.Errorf("the shares of %s add up to %.4g %%, not to 100 %%", text, 100-left)
	}
	for i := range mix {
		if mix[i].Percent == 0 {
			mix[i].Percent = left / float64(open)
		}
	}
	return mix, nil
}

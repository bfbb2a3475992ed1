package forecast

import "spafleet/scenarios"

// A Command is one that a step runs on this machine.
type Command struct {
	Step  int      `json:"step"`
	Words []string `json:"command"`         // the program and its arguments
	Needs string   `json:"needs,omitempty"` // the permission that is missing; "": none
}

// commandsOf returns the commands of a scenario's steps, in file order.
func commandsOf(p *plan, o *scenarios.Machine) (list []Command) {
	for i := range p.Scenario.Timeline {
		s := &p.Scenario.Timeline[i]
		if s.Action != "run" {
			continue
		}
		c := Command{Step: i}
		for _, word := range s.Run {
			c.Words = append(c.Words, p.Scenario.Redact(word))
		}
		if !o.Commands {
			c.Needs = p.flags.Commands
		}
		list = append(list, c)
	}
	return list
}

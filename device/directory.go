package device

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"spafleet/device/model"
)

// DirectorySize is how many entries the personal directory of a phone has (the page of a
// 9xx: field; of the others: inferred), and MostEntry how many bytes one of them takes
// (this program's).
const (
	DirectorySize = 100
	MostEntry     = 128
)

// A Directory is the personal directory of a phone: entry 1 is at 0, each as its page has
// it, n=NAME;p=NUMBER, "" where there is none. What is behind the last one is left out. It
// must not be changed.
type Directory []string

// Entry returns an entry by its number, from 1.
func (d Directory) Entry(number int) string {
	if number < 1 || number > len(d) {
		return ""
	}
	return d[number-1]
}

// With returns the directory with some entries changed, by their numbers. Entries that a
// directory cannot have are left out.
func (d Directory) With(entries map[int]string) Directory {
	all := make(Directory, DirectorySize)
	copy(all, d)
	for number, entry := range entries {
		if 1 <= number && number <= DirectorySize && len(entry) <= MostEntry {
			all[number-1] = entry
		}
	}
	n := DirectorySize
	for n > 0 && all[n-1] == "" {
		n--
	}
	return slices.Clone(all[:n])
}

// Edit returns the command to change entries of the directory.
func (Directory) Edit(entries map[int]string) Command {
	b, err := json.Marshal(entries)
	if err != nil {
		panic(err) // of numbers and texts
	}
	return Command{Order: SetDirectory, Cause: model.ByWeb, Argument: string(b)}
}

// Entries returns what a SetDirectory changes.
func (c *Command) Entries() map[int]string {
	var entries map[int]string
	_ = json.Unmarshal([]byte(c.Argument), &entries) // another order has none
	return entries
}

// entriesText names the entries of a SetDirectory, without what a person wrote there.
func (c *Command) entriesText() string {
	var numbers []string
	for _, n := range slices.Sorted(maps.Keys(c.Entries())) {
		numbers = append(numbers, strconv.Itoa(n))
	}
	const most = 8
	if more := len(numbers) - most; more > 0 {
		numbers = append(numbers[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(numbers, ", ")
}

package model

// Evidence says how sure a fact about a real device is.
type Evidence uint8

const (
	Inferred   Evidence = iota // our deduction; implemented, but not proven
	Field                      // seen in a dump, capture, log or shipped artefact
	Documented                 // stated by a document of the maker
)

// String returns inferred, field or documented.
func (e Evidence) String() string {
	return [...]string{"inferred", "field", "documented"}[e]
}

// MarshalText writes the word, for JSON.
func (e Evidence) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// A Fact is a value with its evidence.
type Fact struct {
	Value    string   `json:"value"`
	Evidence Evidence `json:"evidence"`
}

func documented(v string) Fact { return Fact{v, Documented} }
func field(v string) Fact      { return Fact{v, Field} }
func inferred(v string) Fact   { return Fact{v, Inferred} }

// or returns the fact, or what the family says where the model's row is silent:
// that is an inference, however sure it is for the family.
func (f Fact) or(family Fact) Fact {
	if f.Value == "" {
		return Fact{family.Value, Inferred}
	}
	return f
}

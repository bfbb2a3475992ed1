package model

// Evidence says how sure a fact about a real device is.
type Evidence uint8

const (
	Inferred   Evidence = iota // our deduction; implemented, but not proven
	Image                      // read in a published firmware image: sure for that version alone
	Field                      // seen in a dump, capture, log or shipped artefact
	Documented                 // stated by a document of the maker
)

// String returns inferred, image, field or documented.
func (e Evidence) String() string {
	return [...]string{"inferred", "image", "field", "documented"}[e]
}

// MarshalText writes the word, for JSON.
func (e Evidence) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// A Fact is a value with its evidence.
type Fact struct {
	Value     string   `json:"value"`
	Evidence  Evidence `json:"evidence"`
	otherwise *Fact    // what holds where images do not count; nil: this one
}

func documented(v string) Fact { return Fact{Value: v, Evidence: Documented} }
func field(v string) Fact      { return Fact{Value: v, Evidence: Field} }
func inferred(v string) Fact   { return Fact{Value: v, Evidence: Inferred} }

// image is what a published image shows of the very version, and the fact that
// holds without it.
func image(v string, otherwise Fact) Fact { return Fact{v, Image, &otherwise} }

// likeImage is an inference from the image of a relative, and the fact that holds
// without it.
func likeImage(v string, otherwise Fact) Fact { return Fact{v, Inferred, &otherwise} }

// or returns the fact, or what the family says where the model's row is silent:
// that is an inference, however sure it is for the family.
func (f Fact) or(family Fact) Fact {
	if f.Value == "" {
		return inferred(family.Value)
	}
	return f
}

// withoutImages returns the fact that holds where images do not count.
func (f Fact) withoutImages() Fact {
	for f.otherwise != nil {
		f = *f.otherwise
	}
	return f
}

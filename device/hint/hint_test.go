package hint_test

import (
	"errors"
	"fmt"
	"testing"

	"spafleet/device/hint"
)

func TestHintsAreFoundInWrappedErrors(t *testing.T) {
	one := hint.With(errors.New("no such model"), hint.Models, "")
	two := hint.With(errors.New("no such switch"), hint.Switches, "SPA942")
	err := errors.Join(fmt.Errorf("a: %w", one), fmt.Errorf("b: %w, %w", one, two))
	found := hint.In(err)
	if len(found) != 2 || found[0].Kind != hint.Models || found[1].Of != "SPA942" {
		t.Errorf("%v", found)
	}
	if one.Error() != "no such model" || len(hint.In(errors.New("plain"))) != 0 || hint.In(nil) != nil {
		t.Error("a hint changes the text, or is found where none is")
	}
}

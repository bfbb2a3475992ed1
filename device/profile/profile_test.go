package profile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/device/profile"
)

func vector(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// show writes parameters so that every field can be compared at sight: a line
// `Name ua "value"` each, without the value where the file has none.
func show(params []profile.Param) string {
	var b strings.Builder
	for _, p := range params {
		b.WriteString(p.Name)
		if p.Access != 0 {
			b.WriteString(" " + p.Access.String())
		}
		if p.Has {
			fmt.Fprintf(&b, " %q", p.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// refusal returns the device's text and the hint of an error.
func refusal(t testing.TB, err error) (text, hint string) {
	t.Helper()
	if err == nil {
		return "", ""
	}
	var e *profile.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is a %T, want a *profile.Error", err, err)
	}
	return e.Text, e.Hint
}

func TestProtectionNamesItsMembersInOrder(t *testing.T) {
	tests := []struct {
		p    profile.Protection
		want string
	}{
		{0, "plain"},
		{profile.Scrambled, "scrambled"},
		{profile.Keyed | profile.Targeted, "targeted+keyed"},
		{profile.KeyedWeak | profile.TLS | profile.Mutual, "keyed-weak+tls+mutual"},
	}
	for _, tt := range tests {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("%b: got %s, want %s", tt.p, got, tt.want)
		}
	}
}

// vectorOf reads a file of the package's own testdata.
func vectorOf(t testing.TB, name string) []byte {
	t.Helper()
	return vector(t, filepath.Join("..", name))
}

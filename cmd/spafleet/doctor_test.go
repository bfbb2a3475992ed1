//go:build unix

package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spafleet/certs"
)

// runDoctor asks, and returns what it printed.
func runDoctor(ctx context.Context, t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := execute(ctx, append([]string{"doctor"}, args...), streams{strings.NewReader(""), &out, &errs}); got != code {
		t.Errorf("doctor %q: exit code %d, want %d\n%s%s", args, got, code, out.String(), errs.String())
	}
	return out.String()
}

// An nginx that is set up as docs/certificates.md says breaks no device. One that speaks
// TLS 1.2 alone strands all, and the answer says that and the cure.
func TestTheDoctorKnowsARightNginxFromAWrongOne(t *testing.T) {
	pages := readable(t)
	write(t, filepath.Join(pages, "good.xml"), []byte("<flat-profile><Resync_Periodic>86400+3600</Resync_Periodic></flat-profile>"))
	dns, _ := nameServer(t, "60", "127.0.0.1")
	web := newNginx(t, pages)
	web.secure(t, certs.New(1))
	url := "https://" + strings.Replace(web.addr, "127.0.0.1", "prov.test", 1) + "/good.xml"
	devices := []string{"--model", "SPA942,SPA504G 7.6.2g,PAP2T 5.1.6(LS)", "--dns", dns}
	saved := func(name string, code int) string {
		text := runDoctor(t.Context(), t, code, append([]string{url, "--json"}, devices...)...)
		path := filepath.Join(t.TempDir(), name)
		write(t, path, []byte(text))
		return path
	}
	server := web.start(t)
	right := saved("right.json", exitOK)
	server.Stop()
	web.change(t, "ssl_protocols TLSv1;", "ssl_protocols TLSv1.2;")
	web.start(t)
	wrong := saved("wrong.json", exitFailed)
	if text := runDoctor(t.Context(), t, exitFailed, append([]string{url}, devices...)...); !strings.Contains(text, "✗ tls-version breaks 4 of 4 devices") ||
		!strings.Contains(text, "nginx    ssl_protocols TLSv1 TLSv1.1 TLSv1.2;") || strings.Count(text, "breaks 4 of 4") != 1 {
		t.Errorf("the answer is\n%s", text)
	}
	if text := runDoctor(t.Context(), t, exitFailed, "--before", right, "--after", wrong); !strings.Contains(text, "✗ the change strands 4 of 4 devices") {
		t.Errorf("the comparison is\n%s", text)
	}
	if text := runDoctor(t.Context(), t, exitOK, "--before", wrong, "--after", right); !strings.Contains(text, "(4)\n") || !strings.Contains(text, "✓ cured") {
		t.Errorf("the comparison is\n%s", text)
	}
}

// Ctrl-C shows what was seen until then, on the terminal and in the files, and says that
// it is not all.
func TestCtrlCShowsWhatTheDoctorHasSeen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "PAP2T") { // it hangs
			cancel()
			<-r.Context().Done()
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	html := filepath.Join(t.TempDir(), "out.html")
	text := runDoctor(ctx, t, exitInterrupted, server.URL+"/$PN.xml", "--model", "PAP2T 5.1.6(LS)", "--html", html)
	page, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{text, string(page)} {
		if !strings.Contains(got, "This is incomplete (interrupted)") {
			t.Errorf("it does not say that it is incomplete:\n%s", got)
		}
	}
}

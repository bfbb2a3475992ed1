package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"spafleet/device"
	"spafleet/fsm"
)

// A described operation is one of openapi.json.
type described struct {
	ID        string         `json:"operationId"`
	Responses map[string]any `json:"responses"`
	Body      any            `json:"requestBody"`
}

// operations reads openapi.json: operations by method and path.
func operations(t *testing.T) map[string]described {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	all := map[string]described{}
	for path, items := range doc.Paths {
		for method, text := range items {
			if method == "parameters" {
				continue
			}
			var o described
			if err := json.Unmarshal(text, &o); err != nil {
				t.Fatal(err)
			}
			all[strings.ToUpper(method)+" "+path] = o
		}
	}
	return all
}

// schemas compiles the schemas of openapi.json, which are JSON Schema 2020-12.
func schemas(t *testing.T) func(ref string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return func(ref string) *jsonschema.Schema {
		s, err := c.Compile("openapi.json" + ref)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// The description has each path and method of the handlers, and no other.
func TestTheDescriptionHasEachRoute(t *testing.T) {
	var have []string
	for _, r := range routes {
		have = append(have, r.method+" "+r.path)
	}
	slices.Sort(have)
	if said := slices.Sorted(maps.Keys(operations(t))); !slices.Equal(said, have) {
		t.Errorf("openapi.json has\n%s\nthe handlers are\n%s", strings.Join(said, "\n"), strings.Join(have, "\n"))
	}
}

// Closed sets of values are those of the program.
func TestTheDescriptionHasEachActionAndState(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Enum []string }
		}
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range Actions() {
		names = append(names, a.Name)
	}
	if said := doc.Components.Schemas["Action"].Enum; !slices.Equal(said, names) {
		t.Errorf("actions: %v, want %v", said, names)
	}
	if said := doc.Components.Schemas["State"].Enum; !slices.Equal(said, fsm.StateNames()) {
		t.Errorf("states: %v, want %v", said, fsm.StateNames())
	}
}

// A trial is a request that the description has an answer for.
type trial struct {
	operation, path, body string
	status                int
	change                func(*http.Request)
}

var trials = []trial{
	{"GET /api/v1/openapi.json", "/api/v1/openapi.json", "", 200, nil},
	{"GET /api/v1/summary", "/api/v1/summary", "", 200, nil},
	{"GET /api/v1/devices", "/api/v1/devices", "", 200, nil},
	{"GET /api/v1/devices", "/api/v1/devices?limit=1&model=SPA942", "", 200, nil},
	{"GET /api/v1/devices", "/api/v1/devices?limit=x", "", 400, nil},
	{"GET /api/v1/devices/{device}", "/api/v1/devices/0", "", 200, nil},
	{"GET /api/v1/devices/{device}", "/api/v1/devices/4", "", 200, nil},
	{"GET /api/v1/devices/{device}", "/api/v1/devices/5", "", 404, nil},
	{"POST /api/v1/devices/{device}/{action}", "/api/v1/devices/0/resync", "", 200, nil},
	{"POST /api/v1/devices/{device}/{action}", "/api/v1/devices/0/resync", "{}", 400, nil},
	{"POST /api/v1/devices/{device}/{action}", "/api/v1/devices/0/sing", "", 404, nil},
	{"POST /api/v1/devices/{device}/{action}", "/api/v1/devices/1/power-off", "", 200, nil},
	{"POST /api/v1/devices/{device}/{action}", "/api/v1/devices/1/reboot", "", 409, nil},
	{"GET /api/v1/devices/{device}", "/api/v1/devices/1", "", 200, nil}, // without power
	{"POST /api/v1/devices/{device}/keys", "/api/v1/devices/0/keys", `{"keys": "****110#"}`, 200, nil},
	{"POST /api/v1/devices/{device}/keys", "/api/v1/devices/0/keys", `{"keys": "!"}`, 400, nil},
	{"POST /api/v1/devices/{device}/keys", "/api/v1/devices/7/keys", `{"keys": "1"}`, 404, nil},
	{"POST /api/v1/devices/{device}/keys", "/api/v1/devices/4/keys", `{"keys": "1"}`, 409, nil}, // it has no voice menu
	{"POST /api/v1/devices/{device}/keys", "/api/v1/devices/0/keys", `{"keys": "1"}`, 415, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
	{"POST /api/v1/selection/keys", "/api/v1/selection/keys", `{"model": "SPA2102", "keys": "****110#"}`, 200, nil},
	{"POST /api/v1/selection/keys", "/api/v1/selection/keys", `{"all": true, "keys": "+"}`, 400, nil},
	{"POST /api/v1/selection/keys", "/api/v1/selection/keys", `{"all": true, "keys": "1"}`, 415, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
	{"POST /api/v1/devices/{device}/fault", "/api/v1/devices/0/fault", `{"fault": {"status": "503", "match": "http"}}`, 200, nil},
	{"POST /api/v1/devices/{device}/fault", "/api/v1/devices/0/fault", `{"fault": {"status": "700"}}`, 400, nil},
	{"POST /api/v1/devices/{device}/fault", "/api/v1/devices/7/fault", `{"fault": {"delay": "1s"}}`, 404, nil},
	{"POST /api/v1/devices/{device}/fault", "/api/v1/devices/0/fault", `{"fault": {"delay": "1s"}}`, 415, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
	{"POST /api/v1/selection/fault", "/api/v1/selection/fault", `{"all": true, "fault": {"delay": "1ms"}}`, 200, nil},
	{"POST /api/v1/selection/fault", "/api/v1/selection/fault", `{"fault": {"delay": "1s"}}`, 400, nil},
	{"POST /api/v1/selection/fault", "/api/v1/selection/fault", `{"all": true, "fault": {"delay": "1s"}}`, 415, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
	{"GET /api/v1/faults", "/api/v1/faults", "", 200, nil},
	{"DELETE /api/v1/faults/{fault}", "/api/v1/faults/1", "", 200, nil},
	{"DELETE /api/v1/faults/{fault}", "/api/v1/faults/1", "", 404, nil},
	{"POST /api/v1/selection/{action}", "/api/v1/selection/resync", `{"model": "SPA942"}`, 200, nil},
	{"POST /api/v1/selection/{action}", "/api/v1/selection/resync", `{}`, 400, nil},
	{"POST /api/v1/selection/{action}", "/api/v1/selection/sing", `{"all": true}`, 404, nil},
	{"POST /api/v1/selection/{action}", "/api/v1/selection/resync", `{"all": true}`, 415, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
}

// refusals are trials that each operation has.
func refusals(operation, path string) []trial {
	return []trial{
		{operation, path, "", 401, func(r *http.Request) { r.Header.Del("Authorization") }},
		{operation, path, "", 403, func(r *http.Request) { r.Header.Set("Origin", "http://evil.test") }},
		{operation, path, strings.Repeat("x", mostBody+1), 413, nil},
	}
}

// Each answer is one that the description has, of the schema that it says; and each
// answer that it has is given.
func TestTheDescriptionIsHeldByTheAnswers(t *testing.T) {
	l, empty, virtual := newLab(t), newBareLab(t), newBareLab(t)
	virtual.Show(inVirtualTime{newStill(t, 2)})
	l.until(t, 0, func(v device.View) bool { return v.Answers() && v.Resyncs.OK > 0 })
	l.until(t, 3, func(v device.View) bool { return v.Resyncs.Failed > 0 })
	said, schema, given := operations(t), schemas(t), map[string]bool{}
	try := func(l *lab, tr trial) {
		t.Helper()
		method, _, _ := strings.Cut(tr.operation, " ")
		a := l.ask(t, method, tr.path, tr.body, tr.change)
		if a.status != tr.status {
			t.Errorf("%s %s: %d %s, want %d", method, tr.path, a.status, a.body, tr.status)
			return
		}
		status := fmt.Sprint(a.status)
		answer, ok := said[tr.operation].Responses[status].(map[string]any)
		if !ok {
			t.Errorf("%s answers %s, which is not described", tr.operation, status)
			return
		}
		given[tr.operation+" "+status] = true
		ref := "#/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(strings.TrimPrefix(tr.operation, method+" ")) + "/" + strings.ToLower(method) + "/responses/" + status
		if to, ok := answer["$ref"].(string); ok {
			ref = to
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
		if err == nil {
			err = schema(ref + "/content/application~1json/schema").Validate(value)
		}
		if err != nil {
			t.Errorf("%s %s: %v: %.300s", method, tr.path, err, a.body)
		}
	}
	for _, tr := range trials {
		try(l, tr)
		for _, r := range refusals(tr.operation, tr.path) {
			try(l, r)
		}
		if tr.status == 200 {
			try(empty, trial{tr.operation, tr.path, tr.body, 503, nil})
		}
	}
	try(virtual, trial{"POST /api/v1/devices/{device}/{action}", "/api/v1/devices/0/resync", "", 409, nil})
	try(virtual, trial{"POST /api/v1/selection/{action}", "/api/v1/selection/resync", `{"all": true}`, 409, nil})
	try(virtual, trial{"POST /api/v1/devices/{device}/fault", "/api/v1/devices/0/fault", `{"fault": {"delay": "1s"}}`, 409, nil})
	try(virtual, trial{"POST /api/v1/selection/fault", "/api/v1/selection/fault", `{"all": true, "fault": {"delay": "1s"}}`, 409, nil})
	try(virtual, trial{"POST /api/v1/selection/keys", "/api/v1/selection/keys", `{"all": true, "keys": "1"}`, 409, nil})
	try(virtual, trial{"DELETE /api/v1/faults/{fault}", "/api/v1/faults/1", "", 409, nil})
	for operation, o := range said {
		for status := range o.Responses {
			if !given[operation+" "+status] {
				t.Errorf("%s never answered %s", operation, status)
			}
		}
	}
}

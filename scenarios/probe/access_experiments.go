package probe

import (
	"bytes"
	"fmt"
	"net/http"

	"spafleet/scenarios/probe/settings"
)

var profileAccess = []*experiment{
	{
		name: "missing-access", question: "What may the end user do with a parameter that a file gives without ua?",
		settles: []string{"missing_access"}, needs: []string{"Debug_Server"}, takes: passes(9), run: missingAccess,
	},
}

// userPages are the end user's pages with all their settings: of phones, and of routers.
var userPages = []string{"/advanced", "/voice/advanced"}

// missingAccess gives a parameter with an access, and then without one. The end user's page
// shows the parameter while it may be read. It is Debug_Server, which restarts nothing, and
// names ports of the probe for that time.
func missingAccess(t *trial) {
	_ = t.pairs([]string{"Debug_Server", ""})
	switch shown, seen := shownWith(t, ""); {
	case !seen:
		t.fact("the end user's page", "cannot be read")
		t.settle("missing_access", "keep", "factory")
		return
	case shown:
		t.fact("the end user's page", "shows Debug_Server, and does not say which access it has")
		t.settle("missing_access", "keep", "factory")
		return
	}
	if with, _ := shownWith(t, ` ua="rw"`); !with {
		t.fact(`after ua="rw"`, "the page does not show Debug_Server")
		t.settle("missing_access", "keep", "factory")
		shownWith(t, ` ua="na"`)
		return
	}
	without, seen := shownWith(t, "")
	switch {
	case !seen:
	case without:
		t.fact("after no ua", "the end user may read it as before")
		t.settle("missing_access", "keep")
	default:
		t.fact("after no ua", "the end user may not read it any more")
		t.settle("missing_access", "factory")
	}
	shownWith(t, ` ua="na"`)
}

// shownWith gives Debug_Server another value with an attribute, and reports whether the end
// user's page shows it.
func shownWith(t *trial, attribute string) (shown, seen bool) {
	conn := t.listenPacket()
	if conn == nil {
		return false, false
	}
	value := addrOf(conn.LocalAddr()).String()
	t.home(given(fmt.Sprintf("<flat-profile><Debug_Server%s>%s</Debug_Server></flat-profile>\n", attribute, value)))
	t.visit()
	t.comesHome() // so the file has counted for a while, and counts once more
	for _, path := range userPages {
		if t.failed != nil {
			break
		}
		status, body, err := settings.Get(t.ctx, t.s.dial, t.s.web().Addr().String(), path, settings.Login{})
		if err == nil && status == http.StatusOK {
			shown, seen = shown || bytes.Contains(body, []byte(value)), true
		}
	}
	return shown, seen
}

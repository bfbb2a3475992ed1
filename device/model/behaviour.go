package model

import (
	"time"

	"spafleet/device/profile"
	"spafleet/device/rule"
	"spafleet/device/syslog"
)

// Behaviour is a row's switches in the form in which the engine reads them.
type Behaviour struct {
	Rules rule.Dialect    // see Row.Dialect, which knows the firmware's version too
	Files profile.Options // likewise Row.Reading

	// When a device acts.
	Boot struct { // how long the device is deaf
		Cold  time.Duration // after power has returned, and after most reboots
		Warm  time.Duration // after changed parameters
		Flash time.Duration // while an upgrade writes the image, before its cold start
	}
	RandomDelayUnit        time.Duration // of Resync_Random_Delay
	RetryAtOnce            bool          // Resync_Error_Retry_Delay 0 retries after a second
	AnyChangeReboots       bool
	ResyncAfterParamReboot bool
	RebootAfterRule        bool // not only after the whole sequence
	ForcedCountdown        bool // Forced_Resync_Delay runs after a call, not during it
	TimerFromEnd           bool // $PRVTMR counts from an attempt's end
	PeriodicFromBoot       bool // the periodic timer runs before the first success too
	RCOpens                bool // a unit that its customization server does not know becomes Open
	ExplicitDelay          bool // an ordered resync waits Resync_Random_Delay too
	Trigger                struct {
		Edge  bool          // a Resync_Trigger counts when it becomes true, not while it is
		Floor time.Duration // least between two resyncs that triggers start
	}
	PRVSTTrigger int  // $PRVST of a resync that a trigger started
	PRVSTNotify  int  // the same, by NOTIFY
	PRVSTUpgrade int  // the same, after an upgrade attempt
	KeepsRetry   bool // the wait after a failed resync outlives a reboot

	// What a pass over the rules does.
	RulesFromStart   bool     // rules B to D are those of the pass's start
	CommandThenRules bool     // a URL command stands for rule A, and B to D follow
	NextAlternative  bool     // a rule goes on to its next alternative when a file fails
	Errs             struct { // $ERR where its text is not known
		BadRule  string // of a rule that cannot be read
		NoServer string // where neither a rule nor DHCP names a server
	}
	FactoryAccess bool // a missing ua returns to the factory's access
	BackoffMarker bool // ####503#n# at the start of a file sends the device away

	// Which servers it asks, and how.
	Lease        leaseUse
	ExactDomains bool // Restricted_Access_Domains names hosts, not what is below them
	FirstAddress bool // only the first address of a name is tried
	KeepsNames   bool // addresses are kept for as long as the name server says
	TFTP         struct {
		Wait    time.Duration // per try
		Tries   int
		Options bool // requests have timeout and tsize
	}
	HTTPConnect, HTTPRead time.Duration
	HTTPWaits             int // for the next bytes, that a whole file may take; see HTTPWhole
	HTTPHeader            int // most bytes of the header of an answer
	DNS                   struct {
		Wait        time.Duration // for an answer of one name server
		Tries       int           // of all name servers
		ManualFirst bool          // DNS_Server_Order Manual has the lease's servers behind the device's own
		Parallel    bool          // all are asked at once, where no DNS_Query_Mode says
	}
	Places int // where one file is asked for, redirects included
	HTTP   struct {
		Version10 bool // the request says HTTP/1.0
		Auth      bool // challenges are answered with --uid and --pwd
		CountsOne bool // each Digest says that it is the first with its nonce
		// BrokenIsMissing says that 500 to 503 mean that there is no such file; see Missing.
		BrokenIsMissing bool
		Repeats         int  // of a profile at once, after a transfer that failed
		InterimFinal    bool // an answer such as 100 Continue is taken for the server's last word
	}
	Redirects          Redirects
	AbsoluteRedirects  bool   // a Location without scheme is not followed
	RedirectedPostGets bool   // after 301 and 302; after 303 every POST does
	PostType           string // Content-Type of --post, "" for none

	TLS TLS // how it speaks HTTPS

	// What it does with Upgrade_Rule and firmware images.
	Upgrade struct {
		First      bool   // at boot it comes before the first resync
		HTTPS      bool   // images come by https too
		Images     string // what is checked of them: strict, header or lax
		Reboots    string // which failures reboot the unit: always, bad_image or never
		KeepsRetry bool   // the wait after a failure outlives the reboot that it causes
		Reinstalls bool   // an image of the version that runs is installed again
	}

	// What its web server does.
	Web struct {
		URLLogin     bool // its command URLs end in &xuser=U&xpassword=P; else they ask by Digest
		GuestExports bool // the low account of that login reads status and configuration too
		XMLPush      bool // it has /CGI/Execute
		XMLPushOpen  bool // which asks for no login, whatever CISCO_XML_EXE_Auth_Mode says
		MisspeltCA   bool // its status says Custom CA Provisioing Status
		UploadLogin  bool // an image is taken only from who has logged in
		FormToken    bool // the administrator's forms must bring back the token of their page
		StrictForms  bool // a field that it does not know refuses a form

		NotCustomized string // what its Info page says where it is no RC unit
	}

	// What its keypad menu does.
	IVR struct {
		Password     string // of the administrator, where none is set; "" for none
		ResetAsks    bool   // a factory reset asks for it
		UserSettings string // what is asked for before the user's settings: free, user or admin
		ResetsAtOnce bool   // a reset acts when it is confirmed, not when the caller hangs up
	}

	// Extras are when it asks for files beside profile and image, and how it takes
	// them (see ExtraFile).
	Extras struct {
		Off               bool // for none
		SCCP              bool // at each boot, by the names of SCCP phones
		Dictionary        bool
		AnyDictionary     bool // one that is not in UCS-2 counts too
		DictionarySlash   bool // TFTP asks with the leading slash
		DictionaryReboots bool // one that was stored reboots
		DictionaryTries   int
		DictionaryWait    time.Duration // between two tries
		Picture           bool
		HiddenPicture     bool          // also one that neither logo nor background shows
		RingTones         bool          // at each boot
		Directory         bool          // at each boot
		Feeds             time.Duration // 0: never; negative: at each boot
	}

	// How it speaks SIP.
	SIP struct {
		OptionsAnswer string        // to OPTIONS: whole, no_cseq or stray
		PlainNames    bool          // display names have no quotation marks
		RefreshBefore time.Duration // a registration ends
		BareNumbers   bool          // numbers are printed without zeros in front
		Replaces      bool          // it supports replaces and UPDATE
		OffersQoP     bool          // its challenges offer qop
		Mailbox       string        // when a line subscribes to the state of its mailbox: never, boot or registered
		KeepsNonce    bool          // a challenge that offers qop is answered again by the next request
	}

	// How it speaks of itself.
	Hyphen        bool // $PN is SPA-…, not SPA…
	SuccessErr    bool // the factory's success message ends with $ERR
	PlainErrTexts bool // only the two documented texts of a failed file
	Syslog        struct {
		syslog.Form
		All     bool            // lines beyond those of templates, boots and errors, and by Debug_Level
		SIPText syslog.Priority // of the texts of SIP messages
	}
}

// Missing reports whether an answer's status says that there is no such file.
func (b *Behaviour) Missing(status int) bool {
	return status == 404 || b.HTTP.BrokenIsMissing && status >= 500 && status <= 503
}

// HTTPWhole returns how long a file may take over HTTP, however its bytes come.
func (b *Behaviour) HTTPWhole() time.Duration { return time.Duration(b.HTTPWaits) * b.HTTPRead }

// Dialect returns the rule language of the firmware.
func (r *Row) Dialect() rule.Dialect {
	d := r.Behaviour.Rules
	d.NoSubstrings = r.Older("2.0.11")
	return d
}

// Reading returns how the firmware reads files, without what differs by device and
// rule: Key, Keyed, MAC and Aliases are for the caller to add. XML came with
// 2.0.6, keys above 128 bits with 2.0 (documented).
func (r *Row) Reading() profile.Options {
	o := r.Behaviour.Files
	o.Family, o.CompiledOnly, o.ShortKeys = r.Model.Family.Name, r.Older("2.0.6"), r.Older("2.0")
	return o
}

// PRVST returns the macro's value for a resync of some cause (provisioning.md
// §2.1: documented for power-on, timers and the web; keypad: inferred).
func (b *Behaviour) PRVST(c Cause) int {
	switch c {
	case ByPowerOn:
		return 0
	case ByPeriodic, ByDaily:
		return 1
	case ByRetry:
		return 2
	case ByTrigger:
		return b.PRVSTTrigger
	case ByNotify:
		return b.PRVSTNotify
	case ByUpgrade:
		return b.PRVSTUpgrade
	}
	return -1
}

// Redirects is which redirects a firmware follows.
type Redirects uint8

const (
	NoRedirects    Redirects = iota
	MovedRedirects           // 301 and 302
	AllRedirects             // 303, 307 and 308 too
)

// Follows reports whether an answer's status is a redirect that is followed.
func (r Redirects) Follows(status int) bool {
	switch status {
	case 301, 302:
		return r != NoRedirects
	case 303, 307, 308:
		return r == AllRedirects
	}
	return false
}

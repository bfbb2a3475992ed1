package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// surface has the parts of the reference of what a browser, a keypad and servers see, and the
// tests of each, which cite it in their comments.
var surface = []struct{ part, about, tests string }{
	{"device-surface.md §1.1", "URL commands", "webui.TestURLCommandsTakeTheirArgumentWhole webui.TestEachPathOfTheReference webui.TestURLsOfRingToneAndAuthority webui.TestRealmByPathAndModel webui.TestDirectActionURLsCanBeOff resync.TestAttempts scenarios/run.TestPhonesFetchWhatTheirURLsName"},
	{"device-surface.md §1.2", "what is answered, and what really happens", "webui.TestURLCommandsCloseBeforeTheyAct webui.TestPagesAreByteForByteAsStored webui.TestURLCommandsAndServersThatAreOff webui.TestURLsOfRingToneAndAuthority device/model.TestWhatAChangeReboots fleet.TestRebootWaitsForTheLine"},
	{"device-surface.md §1.3", "paths", "webui.TestEachPathOfTheReference webui.TestThePageOfPathsIsWhatDevicesAnswer webui.TestFormsGoToTheTargetsOfTheFamily webui.TestAProfileIsPostedToAPhone webui.TestTheDisplayIsAPicture webui.TestPicturesComeWithoutALogin"},
	{"device-surface.md §1.4", "HTTP wire form of the server", "webui.TestWireFormOfAnswers webui.TestPagesOf5xxPhonesSayTheirCharacterSet webui.TestPicturesComeWithoutALogin webui.TestMethodsOtherThanGetAreRefused webui.TestPagesAreByteForByteAsStored"},
	{"device-surface.md §1.5", "authentication", "webui.TestAuthenticationIsByDigest webui.TestOldNonceIsStale webui.TestRealmByPathAndModel webui.TestFormsAskForTheLoginOfTheirPage webui.TestUsersChangeOnlyWhatTheyMay webui.TestURLCommandsAndServersThatAreOff"},
	{"device-surface.md §1.6", "server switches and WAN rule", "webui.TestServerSwitchesFromTheFactory webui.TestWANSideOfRoutersIsClosedUnlessEnabled webui.TestPortParameterCountsOnlyWhereTheSiteHasAPort webui.TestURLCommandsAndServersThatAreOff webui.TestGarbageIsABadRequest"},
	{"device-surface.md §1.7", "form fields", "webui.TestFieldNumbersOfCapturedPages webui.TestAFormSetsWhatItChanges webui.TestWrongValuesComeBackMarked webui.TestFormsOf76BringBackTheirToken"},
	{"device-surface.md §1.8", "spacfg.xml", "device.TestExportHasItsLandmarksWhereScriptsLook device.TestExportsAreAsStored device.TestTabsComeInTheirOrder device.TestSecretsStayInTheDevice webui.TestExportsAreServedByFamily"},
	{"device-surface.md §2.1", "pages of an SPA2102", "webui.TestTabsOfEachLook webui.TestSectionsAndLabelsOfEachLook webui.TestElapsedTimeForms webui.TestPagesAreByteForByteAsStored webui.TestChromiumShowsEachLook"},
	{"device-surface.md §2.2", "pages of a PAP2T", "webui.TestTabsOfEachLook webui.TestSectionsAndLabelsOfEachLook webui.TestPagesAreByteForByteAsStored webui.TestChromiumShowsEachLook device.TestStatusIsAsStored"},
	{"device-surface.md §2.3", "pages of phones", "webui.TestTabsOfEachLook webui.TestSectionsAndLabelsOfEachLook webui.TestPagesAreByteForByteAsStored webui.TestChromiumShowsEachLook webui.TestCertificateTextIsTheUnits webui.TestCustomizationIsTheUnits device.TestStatusIsAsStored device.TestTheHistoryHasTheLastReboot"},
	{"device-surface.md §2.4", "the display of phones", "webui.TestTheDisplayIsAPicture ivr.TestOnlyUnitsWithoutDisplayHaveTheMenu"},
	{"device-surface.md §3.1", "codes of the keypad menu", "ivr.TestOptionsByModel ivr.TestEachCodeHasAScript ivr.TestThePageOfCodesIsTheTable ivr.TestEvidenceOfOptionsIsThatOfTheModel"},
	{"device-surface.md §3.2", "rules of the keypad menu", "ivr.TestCalls ivr.TestThePageOfSwitchesIsTheTable"},
	{"surface-2.md §1.1", "login and session of an SPA1xx", "webui.TestLoginOfAnSPA1xx webui.TestTheKeyInTheStatusIsLive"},
	{"surface-2.md §1.2", "its actions", "webui.TestActionsOfAnSPA1xx webui.TestUploadOfAnImage webui.TestUploadedImagesAreInstalled"},
	{"surface-2.md §1.3", "its URL commands", "webui.TestDocumentsOfAnSPA1xxAskForALoginInTheURL webui.TestCommandsOfAnSPA1xxAskForALoginInTheURL"},
	{"surface-2.md §1.4", "its status.xml", "device.TestDocumentsOfAnSPA1xx webui.TestTheKeyInTheStatusIsLive"},
	{"surface-2.md §1.5", "its access and pages", "webui.TestRowsOfTheTabInformation webui.TestWANSideOfRoutersIsClosedUnlessEnabled webui.TestOtherPathsOfAnSPA1xx webui.TestEachParameterOfAnSPA1xxIsOnExactlyOnePage"},
	{"surface-2.md §1.6", "WRP400, RTP300, SRP500", "device/model.TestNamesThatServersSaw"},
	{"surface-2.md §2.1", "field numbers", "webui.TestFieldNumbersOfCapturedPages webui.TestScriptsPostTheDirectory"},
	{"surface-2.md §2.2", "how pages are read and posted", "webui.TestEachPathOfTheReference webui.TestScriptsPostTheDirectory webui.TestScriptsReadTheCallHistory webui.TestFormsGoToTheTargetsOfTheFamily webui.TestFormsOf76BringBackTheirToken device.TestItemsFollowTheParameters"},
	{"surface-2.md §2.3", "XML push", "webui.TestXMLPushOrdersAResync webui.TestXMLPushReads512Bytes webui.TestWhoMayPush webui.TestXMLPushIsPostedOnly webui.TestAnUnknownActionOf76 resync/fetch.TestHTTPRequestBytes"},
	{"surface-2.md §3", "what else is known of the keypad menu", "ivr.TestCalls ivr.TestEachCodeHasAScript"},
	{"device-surface.md §4.1", "User-Agent", "device/model.TestUserAgentsOfTheField device/model.TestUserAgentsThatServersSaw resync/fetch.TestHTTPRequestBytes"},
	{"device-surface.md §4.2", "requests by HTTP", "resync/fetch.TestHTTPRequestBytes resync.TestDigestServerLetsADeviceIn fleet.TestDeviceStaysAwayForAsLongAsTheServerAsked resync.TestAttempts"},
	{"device-surface.md §4.3", "what a factory-default unit asks for", "device/model.TestKnownFacts resync/unit.TestExtraFilesHaveTheirTime"},
	{"device-surface.md §4.4", "TFTP", "resync/fetch.TestTFTPReadPackets resync/fetch.TestTFTPRequestsWithOptions resync/fetch.TestTFTPSilenceTakesTriesTimesWait resync/fetch.TestTFTPBlockNumbersRollOverToZeroOnReading"},
	{"device-surface.md §4.5", "DNS", "fleet.TestADeadFirstARecord fleet.TestADeadFirstNameServer fleet.TestNoNameServerAnswers fleet.TestAnswersLastOnTheFleetsClock resync.TestNameServersOfADevice resync/fetch.TestResolveKeepsTheOrderOfTheAnswer"},
	{"device-surface.md §4.6", "timing", "resync.TestScheduleAtBoot resync.TestScheduleAfterAttempts resync/unit.TestTimelines"},
	{"device-surface.md §5", "DHCP client", "device/dhcp.TestMessagesSayWhoAsks resync/unit.TestWhatADeviceSaysToADHCPServer resync/unit.TestLeasesEnd resync/unit.TestBackupAddress resync.TestAttempts fleet.TestLeasesOfKeaByRelay fleet.TestLeasesOfDnsmasqByBroadcast fleet.TestRenewals"},
	{"device-surface.md §6.1", "NOTIFY events", "device/sip.TestSIPEvents device/sip.TestSIPChallenge device/sip.TestSIPAnswers device/sip.TestXMLServiceFetchesTheURLOfTheBody resync/unit.TestANotifyOpensAnXMLService"},
	{"device-surface.md §6.2", "identity of SIP and its defaults", "device/sip.TestSIPAnswers device/sip.TestRegistrations device/sip.TestKeepAlives resync/unit.TestALineRegistersForLife resync/unit.TestREGTMR"},
	{"device-surface.md §7", "syslog and debug", "device/syslog.TestDatagramOfALine device/syslog.TestLevelsOfDebugLevel fleet.TestLogOfABootAndResyncs fleet.TestRsyslogTakesTheLines fleet.TestLogLinesComeFromTheDevicesOwnAddress"},
	{"surface-2.md §4.1", "durations", "resync/unit.TestEveryBootTakesItsTime"},
	{"surface-2.md §4.2", "order at boot", "fleet.TestLogOfABootAndResyncs resync/unit.TestExtraFilesHaveTheirTime"},
	{"surface-2.md §4.3", "extra files", "resync/unit.TestExtraFilesHaveTheirTime resync.TestEverySwitchChangesWhatADeviceDoes"},
	{"surface-2.md §4.4", "no image, or a loop", "resync/unit.TestWhoseUpgradesLoop fleet.TestAFailedUpgradeIsTriedAgainOnItsSchedule"},
	{"surface-2.md §4.5", "firmware images", "resync/image.TestImagesOfTheMakersFormAreRight resync/image.TestEveryDamagedByteIsTold resync/image.TestNoRealUnitTakesAnImageThatIsMade resync.TestImageBeginsWithItsMagic"},
	{"surface-2.md §4.6", "what 7.6.2f has that 7.5.2b has not", "device/model.TestSetsAreThoseOfTheFirmware resync.TestEverySwitchChangesWhatADeviceDoes"},
	{"surface-2.md §4.7", "the image of 7.5.2b", "device/syslog.TestDatagramOfALine device/syslog.TestLevelsOfDebugLevel device/syslog.TestLinesOfASIPMessage device/syslog.TestValuesOfSIPDebugOption device/model.TestImageValuesAndThoseWithoutThem resync/fetch.TestTFTPRequestsWithOptions resync/unit.TestANotifyIsLogged fleet.TestDeviceStaysAwayForAsLongAsTheServerAsked resync.TestAttempts"},
	{"surface-2.md §5", "no option 66", "resync/unit.TestWhatADeviceSaysToADHCPServer resync.TestAttempts scenarios/run.TestPhonesWithoutOption66AskByTheNamesOfSCCP"},
	{"surface-2.md §6.1", "field orders of SIP", "device/sip.TestSIPIdentity device/sip.TestSIPCredentials device/sip.TestSIPAnswers device/sip.TestMailboxSubscription device/sip.TestShortNumbers device/sip.TestANonceIsKept device/sip.TestSequenceGoesOn device/sip.TestOptionsWithoutCSeq device/sip.TestA404HasFewerFields device/sip.TestDisplayNames device/sip.TestStationName resync/unit.TestALineRegistersForLife"},
	{"surface-2.md §6.2", "CTI", "device/sip.TestStationName resync/unit.TestAHookIsTold"},
	{"surface-2.md §6.3", "NOTIFY", "device/sip.TestSIPEvents"},
	{"surface-2.md §7", "syslog and debug", "resync/unit.TestSIPTextOfAnAnswer fleet.TestLogOfABootAndResyncs fleet.TestRsyslogTakesTheLines"},
}

// quirks has the quirks of SIP on the wire (surface-2.md §8), and the tests of each, which cite
// its number.
var quirks = map[string]string{
	"K28": "device/sip.TestOptionsWithoutCSeq",
	"K30": "device/sip.TestMailboxSubscription",
	"K47": "device/sip.TestANonceIsKept",
	"K48": "device/sip.TestSequenceGoesOn device/sip.TestKeepAlives",
	"K54": "device/sip.TestA404HasFewerFields",
	"K59": "device/sip.TestDisplayNames",
	"K60": "device/sip.TestShortNumbers",
}

// Each quirk of SIP has tests that cite it.
func TestEachQuirkOfSIPHasItsTest(t *testing.T) {
	for quirk, tests := range quirks {
		for test := range strings.FieldsSeq(tests) {
			dir, name, _ := strings.Cut(test, ".")
			if comment, ok := testsOf(t, dir)[name]; !ok || !strings.Contains(comment, quirk) {
				t.Errorf("%s: %s is no test, or does not cite it", quirk, test)
			}
		}
	}
}

var citation = regexp.MustCompile(`(device-surface\.md|surface-2\.md)|§[0-9.]*[0-9]`)

// cited returns the parts that a comment cites: a file, and sections of it.
func cited(comment string) []string {
	var parts []string
	file := ""
	for _, m := range citation.FindAllString(comment, -1) {
		if strings.HasSuffix(m, ".md") {
			file = m
		} else if file != "" {
			parts = append(parts, file+" "+m)
		}
	}
	return parts
}

// testsOf returns the comments of a package's tests, by name.
func testsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", dir, err)
	}
	comments := map[string]string{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				comments[fn.Name.Name] = fn.Doc.Text()
			}
		}
	}
	return comments
}

// Each part of the reference has tests that cite it, and each test of these packages that
// cites a part is in the list.
func TestEachPartOfTheSurfaceHasItsTests(t *testing.T) {
	listed, dirs := map[string][]string{}, map[string]bool{}
	for _, s := range surface {
		if s.tests == "" {
			t.Errorf("%s (%s) has no test", s.part, s.about)
		}
		for test := range strings.FieldsSeq(s.tests) {
			listed[test] = append(listed[test], s.part)
			dirs[strings.TrimSuffix(test, path.Ext(test))] = true
		}
	}
	known := func(part string) bool {
		return slices.ContainsFunc(surface, func(s struct{ part, about, tests string }) bool { return s.part == part })
	}
	seen := 0
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		for name, comment := range testsOf(t, dir) {
			test := dir + "." + name
			parts := cited(comment)
			for _, part := range listed[test] {
				if !slices.Contains(parts, part) {
					t.Errorf("%s is listed for %s, and does not cite it", test, part)
				}
			}
			for _, part := range parts {
				if known(part) && !slices.Contains(listed[test], part) {
					t.Errorf("%s cites %s, and is not listed for it", test, part)
				}
			}
			if len(listed[test]) > 0 {
				seen++
				delete(listed, test)
			}
		}
	}
	for test := range listed {
		t.Errorf("there is no test %s", test)
	}
	if seen < len(surface) {
		t.Errorf("only %d tests are listed", seen)
	}
}

// The list is of these parts: all of the reference that a browser, a keypad and servers see.
func TestTheSurfaceIsWhole(t *testing.T) {
	want := map[string]int{"device-surface.md §1": 8, "device-surface.md §2": 4, "device-surface.md §3": 2, "surface-2.md §1": 6, "surface-2.md §2": 3, "surface-2.md §3": 1,
		"device-surface.md §4": 6, "device-surface.md §5": 1, "surface-2.md §5": 1, "device-surface.md §7": 1, "device-surface.md §6": 2, "surface-2.md §6": 3, "surface-2.md §4": 7, "surface-2.md §7": 1}
	got := map[string]int{}
	for _, s := range surface {
		chapter, _, _ := strings.Cut(s.part[strings.Index(s.part, "§"):], ".")
		got[s.part[:strings.Index(s.part, "§")]+chapter]++
	}
	if !maps.Equal(got, want) {
		t.Errorf("the parts are %v, want %v", got, want)
	}
	parts := cited("As said (device-surface.md §1.1, §1.2; surface-2.md §3).")
	if want := []string{"device-surface.md §1.1", "device-surface.md §1.2", "surface-2.md §3"}; !slices.Equal(parts, want) {
		t.Errorf("a comment cites %q, want %q", parts, want)
	}
}

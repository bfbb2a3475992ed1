package main

import (
	"slices"
	"strings"
	"testing"
)

// factTests are the parts of the notes on devices about what goes over the network, and
// the tests that hold each: a file and a function of it.
var factTests = []struct {
	part, about string
	tests       []string
}{
	{"device-surface.md §4.1", "User-Agent", []string{"device/model/useragent_test.go#TestUserAgentsOfTheField", "device/model/model_test.go#TestUserAgentsThatServersSaw"}},
	{"device-surface.md §4.2", "request", []string{"resync/fetch/http_test.go#TestHTTPRequestBytes", "resync/auth_test.go#TestDigestServerLetsADeviceIn",
		"fleet/backoff_test.go#TestDeviceStaysAwayForAsLongAsTheServerAsked", "resync/attempts_test.go#TestAttempts"}},
	{"device-surface.md §4.3", "what a factory-default unit asks for", []string{"device/model/model_test.go#TestKnownFacts", "resync/unit/extra_test.go#TestExtraFilesHaveTheirTime"}},
	{"device-surface.md §4.4", "TFTP", []string{"resync/fetch/tftp_test.go#TestTFTPReadPackets", "resync/fetch/tftp_test.go#TestTFTPRequestsWithOptions",
		"resync/fetch/tftp_test.go#TestTFTPSilenceTakesTriesTimesWait"}},
	{"device-surface.md §4.5", "DNS", []string{"fleet/dnsmasq_test.go#TestDeviceSurfacePart45DeadFirstARecord", "fleet/dnsmasq_test.go#TestDeviceSurfacePart45DeadFirstNameServer",
		"fleet/dnsmasq_test.go#TestDeviceSurfacePart45NoNameServerAnswers", "fleet/dnsmasq_test.go#TestDeviceSurfacePart45TimeToLive",
		"resync/nameservers_test.go#TestDeviceSurfacePart45NameServersOfADevice"}},
	{"device-surface.md §4.6", "timing", []string{"resync/schedule_test.go#TestScheduleAtBoot", "resync/schedule_test.go#TestScheduleAfterAttempts", "resync/unit/timelines_test.go#TestTimelines"}},
	{"device-surface.md §7", "syslog and debug", []string{"device/syslog/syslog_test.go#TestSurface2Part47DatagramOfALine", "fleet/logs_test.go#TestSurface2Part7LogOfABootAndResyncs",
		"fleet/logs_test.go#TestSurface2Part7RsyslogTakesTheLines", "fleet/syslog_test.go#TestLogLinesComeFromTheDevicesOwnAddress"}},
	{"surface-2.md §4.1", "durations", []string{"resync/unit/boots_test.go#TestEveryBootTakesItsTime"}},
	{"surface-2.md §4.2", "order at boot", []string{"fleet/logs_test.go#TestSurface2Part7LogOfABootAndResyncs", "resync/unit/extra_test.go#TestExtraFilesHaveTheirTime"}},
	{"surface-2.md §4.3", "extra files", []string{"resync/unit/extra_test.go#TestExtraFilesHaveTheirTime", "resync/switches_test.go#TestEverySwitchChangesWhatADeviceDoes"}},
	{"surface-2.md §4.4", "no image, or a loop", []string{"resync/unit/timelines_test.go#TestWhoseUpgradesLoop", "fleet/upgrade_test.go#TestAFailedUpgradeIsTriedAgainOnItsSchedule"}},
	{"surface-2.md §4.5", "firmware images", []string{"resync/image/image_test.go#TestImagesOfTheMakersFormAreRight", "resync/image/image_test.go#TestEveryDamagedByteIsTold"}},
	{"surface-2.md §4.6", "what 7.6.2f has that 7.5.2b has not", []string{"device/model/arrival_test.go#TestSetsAreThoseOfTheFirmware", "resync/switches_test.go#TestEverySwitchChangesWhatADeviceDoes"}},
	{"surface-2.md §4.7", "the image of 7.5.2b", []string{"device/syslog/syslog_test.go#TestSurface2Part47LevelsOfDebugLevel", "device/syslog/sip_test.go#TestSurface2Part47LinesOfASIPMessage",
		"device/syslog/sip_test.go#TestSurface2Part47ValuesOfSIPDebugOption", "device/model/model_test.go#TestImageValuesAndThoseWithoutThem",
		"resync/fetch/tftp_test.go#TestTFTPRequestsWithOptions"}},
	{"surface-2.md §7", "syslog and debug", []string{"resync/unit/log_test.go#TestSurface2Part7SIPTextOfAnAnswer", "fleet/logs_test.go#TestSurface2Part7LogOfABootAndResyncs"}},
}

func TestEachPartOfTheNotesHasItsTests(t *testing.T) {
	for _, f := range factTests {
		if len(f.tests) == 0 {
			t.Errorf("%s, %s: no test", f.part, f.about)
		}
		for _, test := range f.tests {
			file, name, _ := strings.Cut(test, "#")
			if !slices.Contains(declared(t, file), name) {
				t.Errorf("%s, %s: %s has no %s", f.part, f.about, file, name)
			}
		}
	}
}

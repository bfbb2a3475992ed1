package model

// The tables below come from models.tsv and the pages it stands beside: $PN, UA
// and firmware as seen in dumps, captures and repositories (field), or in a
// guide (documented); what is marked inferred is our deduction.

// brands are the names that earlier firmware used for its maker, by what servers saw
// of it. That the names changed with these versions, and for models of which no
// earlier firmware was seen, is inferred.
var brands = []struct {
	families []*Family
	before   string
	name     string
	seen     map[string]string // firmware of models
}{
	{[]*Family{&sipuraATA, &sipuraRouter}, "3.1.9", "Sipura", map[string]string{"SPA2000": "3.1.5", "SPA2002": "3.1.2(a)"}},
	{[]*Family{&phone9xx}, "4.1.11", "Sipura", map[string]string{"SPA941": "4.1.8"}},
	{[]*Family{&phone50x, &phone51x, &phone525}, "7.4.4", "Linksys", map[string]string{"SPA504G": "7.4.3a"}},
}

// How long starts take. Of ATAs the program runs up to 10 s after a cold start
// and 2 s after a warm one (Cisco's questions and answers of 2008: documented);
// the network takes the rest (inferred). They write 64 KB of flash in about a
// second (inferred). A console recording of an SPA504G has 29 s until the program
// runs (field); what 7.6.2f answers to a reboot or a changed form comes back after
// 50 s (field). Of SPA1xx people say "a few minutes" until pages are there (field).
var (
	ataStarts      = starts{cold: inferred("12s"), warm: inferred("6s"), flash: inferred("15s")}
	phone5xxStarts = starts{cold: field("50s"), warm: field("50s"), flash: inferred("60s")}
)

var (
	sipuraATA = Family{Name: "Sipura ATA", Generation: 2, Brand: inferred("Linksys"), HWVersion: inferred("1.3.5(a)"),
		HostName: field("SipuraSPA"), OUI: field(sipuraPrefixes), Limit: 64 << 10, Boot: ataStarts, TLS: "sipura"}
	sipuraRouter = Family{Name: "Sipura router ATA", Generation: 2, Brand: field("Linksys"), Router: true, HWVersion: inferred("1.3.5(a)"),
		HostName: field("SipuraSPA"), OUI: field(sipuraPrefixes), Limit: 64 << 10, Boot: ataStarts, TLS: "sipura"}
	pap = Family{Name: "PAP", Generation: 2, Brand: field("Linksys"), HWVersion: inferred("0.1.5"),
		HostName: field("LinksysPAP"), OUI: inferred(linksysPrefixes), Limit: 64 << 10, Boot: ataStarts, TLS: "pap"}
	routerATA = Family{Name: "router ATA", Generation: 2, Brand: field("Linksys"), Router: true, HWVersion: inferred("1.3.5(a)"),
		HostName: field("SipuraSPA"), OUI: field(sipuraPrefixes), Limit: 64 << 10, Boot: ataStarts, TLS: "sipura"}
	voiceRouter = Family{Name: "voice router", Generation: 2, Brand: field("Linksys"), Router: true, HWVersion: inferred("1.0.0"),
		HostName: inferred("SipuraSPA"), OUI: inferred(linksysPrefixes), Limit: 64 << 10, Newest: inferred("3.1.9(LId)"), Boot: starts{inferred("45s"),
			inferred("45s"), inferred("40s")}, TLS: "linksys"}
	gateway = Family{Name: "gateway", Generation: 2, Brand: field("Linksys"), Router: true, HWVersion: inferred("1.0.0"),
		HostName: inferred("SipuraSPA"), Limit: 128 << 10, Boot: starts{inferred("30s"), inferred("20s"), inferred("30s")}, TLS: "sipura"}
	ipPBX = Family{Name: "IP PBX", Generation: 2, Brand: field("Linksys"), Router: true, HWVersion: inferred("1.0.0"),
		HostName: inferred("SipuraSPA"), OUI: field(sipuraPrefixes), Limit: 128 << 10, Boot: starts{inferred("40s"), inferred("30s"),
			inferred("30s")}, TLS: "sipura"}
	phone9xx = Family{Name: "phone 9xx", Generation: 2, Brand: field("Linksys"), Phone: true, HWVersion: inferred("1.0.5(0617)"),
		HostName: field("SipuraSPA"), OUI: field(sipuraPrefixes), Limit: 128 << 10, Boot: starts{inferred("30s"), inferred("20s"), inferred("30s")}, TLS: "sipura"}
	phone50x = Family{Name: "phone 30x/50x", Generation: 3, Brand: field("Cisco"), UA: UAMACSerial, Phone: true,
		HWVersion: inferred("1.0.0"), HostName: inferred("SipuraSPA"), OUI: field(spa5xxPrefixes), Limit: 256 << 10, Boot: phone5xxStarts, TLS: "cisco5xx"}
	phone51x = Family{Name: "phone 51x", Generation: 3, Brand: field("Cisco"), UA: UAMACSerial, Phone: true,
		HWVersion: inferred("1.0.0"), HostName: inferred("SipuraSPA"), OUI: field(spa5xxPrefixes), Limit: 256 << 10, Boot: phone5xxStarts, TLS: "cisco5xx"}
	phone525 = Family{Name: "phone 525", Generation: 3, Brand: field("Cisco"), Phone: true,
		HWVersion: inferred("1.0.0"), HostName: inferred("SipuraSPA"), OUI: field(spa5xxPrefixes), Limit: 256 << 10, Boot: starts{inferred("60s"),
			inferred("60s"), inferred("60s")}, TLS: "cisco5xx"}
	spa100 = Family{Name: "SPA100", Generation: 4, Brand: field("Cisco"), UA: UAMACSerial, Router: true,
		HWVersion: field("1.1.0"), HostName: inferred("SipuraSPA"), OUI: field("88755A"), Limit: 256 << 10, Boot: starts{inferred("90s"), inferred("90s"),
			inferred("90s")}, TLS: "cisco1xx"}
	srp500 = Family{Name: "SRP500", Generation: 4, Brand: inferred("Cisco"), UA: UAMACSerial, Router: true,
		HWVersion: inferred("1.0.0"), HostName: inferred("SipuraSPA"), Limit: 256 << 10, Newest: inferred("1.4.1(SR5)"), Boot: starts{inferred("90s"),
			inferred("90s"), inferred("90s")}, TLS: "srp500"}
)

// before755 is the one staged upgrade that is proven for the series
// (wazo-provd-plugins: field).
var before755 = []Constraint{{From: "7.5.5", Needs: "7.5.2b", Evidence: Field}}

// The beginnings of images that were seen: of two published ones, and of the maker's
// tool for the SPA112 and SPA122, which share theirs (field). Models that share a file
// share its beginning.
var (
	magic50x = field("SkOsMo5 fIrMwArE")
	magic1xx = field("PAYTON  FiRmWaRe")
)

// models is the model table. Its rows are complete: what was not known of a
// model is its family's, marked inferred.
var models = finish([]Model{
	{Name: "SPA1001", Family: &sipuraATA, Lane: 0, PN: field("SPA-1001"), PSN: inferred("1001"), Lines: 1, Brand: field("Linksys"),
		SerialPrefix: inferred("FM100"), Option60: inferred("LINKSYS SPA-1001"), Catalogue: inferred("PAP2T"), Firmwares: seen("3.1.19(SE)")},
	{Name: "SPA2000", Family: &sipuraATA, Lane: 1, PN: field("SPA-2000"), PSN: documented("2000"), Lines: 2,
		SerialPrefix: inferred("FM200"), DefaultRule: documented("/spa$PSN.cfg"), Catalogue: inferred("PAP2T"),
		Firmwares: andRecalled(seen("3.1.5", "3.1.23"), "1.0.33", "2.0.6", "2.0.10", "2.0.11", "2.0.13(g)")},
	{Name: "SPA1000", Family: &sipuraATA, Lane: 19, PN: field("SPA-1000"), PSN: inferred("1000"), Lines: 1,
		SerialPrefix: inferred("FM110"), Catalogue: inferred("PAP2T"), Firmwares: andRecalled(nil, "2.0.13(g)", "3.1.5")},
	{Name: "SPA2002", Family: &sipuraATA, Lane: 20, PN: inferred("SPA-2002"), PSN: inferred("2002"), Lines: 2, Brand: field("Linksys"),
		SerialPrefix: inferred("FM210"), Catalogue: inferred("PAP2T"), Firmwares: andRecalled(seen("3.1.2(a)", "3.1.9(d)"), "3.1.20")},
	{Name: "SPA2100", Family: &sipuraRouter, Lane: 2, PN: inferred("SPA-2100"), PSN: inferred("2100"), Lines: 2, Brand: field("Linksys"),
		SerialPrefix: inferred("FM400"), Catalogue: inferred("SPA2102"), Firmwares: andRecalled(seen("3.3.14"), "3.3.6")},
	{Name: "SPA2102", Family: &routerATA, Lane: 3, PN: field("SPA-2102"), PSN: documented("2102"), Lines: 2, Brand: field("Linksys"), OUI: field("000E08"),
		SerialPrefix: field("FM500"), HW: field("1.3.5(a)"), DefaultRule: documented("/spa$PSN.cfg"), Option60: field("LINKSYS SPA-2102"),
		Image: field("spa2102-5-2-12.bin"), Catalogue: field("SPA2102"),
		Firmwares: andRecalled(seen("3.3.6", "5.1.9", "5.2.5", "5.2.6", "5.2.10", "5.2.12"), "5.1.1", "5.1.7", "5.1.10", "5.2.3", "5.2.13")},
	{Name: "SPA3000", Family: &sipuraATA, Lane: 4, PN: inferred("SPA-3000"), PSN: inferred("3000"), Lines: 1, FXO: 1,
		SerialPrefix: inferred("FM300"), Catalogue: inferred("SPA3102"), Firmwares: andRecalled(seen("3.1.20(GW)"), "3.1.7(GWd)", "3.1.10(GWd)")},
	{Name: "SPA3102", Family: &routerATA, Lane: 5, PN: field("SPA-3102"), PSN: documented("3102"), Lines: 1, FXO: 1, Brand: field("Linksys"),
		SerialPrefix: field("FM600"), DefaultRule: documented("/spa$PSN.cfg"), Option60: field("LINKSYS SPA-3102"),
		Image: field("spa3102-5-1-10-GW.bin"), Magic: field("SpA3102 FiRmWaRe"), Catalogue: field("SPA3102"),
		Firmwares: andRecalled(seen("3.3.6(GW)", "5.1.5(GWa)", "5.1.7(GW)", "5.1.10(GW)"), "5.2.13(GW)")},
	{Name: "PAP2", Family: &pap, Lane: 6, PN: inferred("PAP2"), Lines: 2, Brand: field("Linksys"), SerialPrefix: field("FH900"), DefaultRule: field("/init.cfg"),
		Catalogue: inferred("PAP2T"), Firmwares: seen("2.0.10(LSb)", "3.1.3(LS)", "3.1.9(LSc)", "3.1.22(LS)", "3.1.23(LS)")},
	{Name: "PAP2T", Family: &pap, Lane: 7, PN: field("PAP2T"), Lines: 2, Brand: field("Linksys"), OUI: field("0018F8"), SerialPrefix: field("FLI00"),
		HW:          field("0.1.5"),
		DefaultRule: field("/init.cfg"), Image: field("pap2t-5-1-6.bin"), Catalogue: inferred("PAP2T"),
		Firmwares: andRecalled(seen("3.1.15(LS)", "3.1.16(LS)", "5.1.5(LS)", "5.1.6(LS)"), "3.1.12(LS)", "3.1.22(LS)", "5.1.2(LS)")},
	{Name: "RTP300", Family: &voiceRouter, Lane: 8, Lines: 2, SerialPrefix: inferred("CJ300"), Catalogue: inferred("SPA2102")},
	{Name: "WRTP54G", Family: &voiceRouter, Lane: 9, Lines: 2, SerialPrefix: inferred("CJ540"), Catalogue: inferred("SPA2102")},
	{Name: "RT31P2", Family: &voiceRouter, Lane: 21, PN: field("RT31P2"), Lines: 2, Brand: field("Linksys"), SerialPrefix: inferred("CJ310"),
		Catalogue: inferred("SPA2102"),
		Firmwares: seen("2.0.10(LIc)", "3.1.6(LI)", "3.1.9(LId)")},
	{Name: "WRT54GP2", Family: &voiceRouter, Lane: 22, Lines: 2, SerialPrefix: inferred("CJ542"), Catalogue: inferred("SPA2102")},
	{Name: "WRP400", Family: &voiceRouter, Lane: 10, Lines: 2, Brand: field("Linksys"), SerialPrefix: inferred("CJ400"), Catalogue: inferred("SPA2102"), Firmwares: seen("2.00.10")},
	{Name: "SPA8000", Family: &gateway, Lane: 11, PN: field("SPA8000"), PSN: field("8000"), Lines: 8, Brand: field("Linksys"),
		OUI: field("001EE5 687F74"), SerialPrefix: field("CQH01"),
		HW: field("1.0.0"), DefaultRule: documented("/spa$PSN.cfg"), Option60: field("LINKSYS SPA8000"), Image: field("spa8000-6-1-3.bin"),
		Catalogue: inferred("SPA2102"), Additions: "SPA8000-trunks", Firmwares: seen("5.1.9", "6.1.3", "6.1.10(001)", "6.1.11")},
	{Name: "SPA8800", Family: &gateway, Lane: 0, PN: inferred("SPA8800"), PSN: field("8800"), Lines: 4, FXO: 4, Brand: inferred("Cisco"),
		Option60: field("CISCO SPA8800"), DefaultRule: field("/spa$PSN.cfg"), Catalogue: inferred("SPA2102"), Firmwares: seen("6.1.7")},
	{Name: "SPA9000", Family: &ipPBX, Lane: 12, PN: inferred("SPA-9000"), PSN: inferred("9000"), Lines: 4, Brand: field("Linksys"), SerialPrefix: field("FM700"),
		Catalogue: inferred("SPA2102"), Additions: "SPA9000-pbx", Firmwares: seen("3.2.3(d)", "6.1.3", "6.1.5")},
	{Name: "SPA841", Family: &phone9xx, Lane: 23, PN: inferred("SPA-841"), PSN: inferred("841"), Lines: 4, Brand: inferred("Sipura"),
		SerialPrefix: inferred("88015"), Catalogue: inferred("SPA942"), Firmwares: andRecalled(nil, "3.1.4")},
	{Name: "SPA901", Family: &phone9xx, Lane: 13, PN: field("SPA-901"), PSN: field("901"), Lines: 1, Brand: field("Linksys"), SerialPrefix: inferred("4MF00"),
		Option60: field("LINKSYS SPA-901"), Image: field("spa901-5-1-5.bin"), Catalogue: inferred("SPA942"),
		Firmwares: seen("4.1.11(c)", "5.1.5", "5.1.11")},
	{Name: "SPA921", Family: &phone9xx, Lane: 14, PN: field("SPA-921"), PSN: field("921"), Lines: 1, Brand: field("Linksys"), SerialPrefix: field("4MJ00"),
		Option60: field("LINKSYS SPA-921"), Image: field("spa941-5-1-8.bin"), Magic: inferred("SpA941  FiRmWaRe"), Catalogue: inferred("SPA942"), Firmwares: seen("5.1.8")},
	{Name: "SPA922", Family: &phone9xx, Lane: 15, PN: field("SPA-922"), PSN: field("922"), Lines: 1, Brand: field("Linksys"), SerialPrefix: inferred("4MK00"),
		Option60: field("LINKSYS SPA-922"), Image: field("spa942-6-1-5a.bin"), Magic: inferred("SpA942  FiRmWaRe"), Catalogue: inferred("SPA942"), Firmwares: seen("6.1.5(a)")},
	{Name: "SPA941", Family: &phone9xx, Lane: 16, PN: field("SPA-941"), PSN: field("941"), Lines: 4, Brand: field("Linksys"), SerialPrefix: inferred("88018"),
		Option60: field("LINKSYS SPA-941"), Image: field("spa941-5-1-8.bin"), Catalogue: inferred("SPA942"), Firmwares: seen("4.1.8", "5.1.8")},
	{Name: "SPA942", Family: &phone9xx, Lane: 17, PN: field("SPA-942"), PSN: documented("942"), Lines: 4, Brand: field("Linksys"),
		OUI: inferred("000E08"), SerialPrefix: field("88019"),
		HW: field("1.0.5(0617)"), DefaultRule: documented("/spa$PSN.cfg"), Option60: field("LINKSYS SPA-942"), Image: field("spa942-6-1-5a.bin"),
		Catalogue: field("SPA942"), Firmwares: andRecalled(seen("5.1.8", "5.1.10", "5.1.15(aSC)", "6.1.5(a)"), "5.1.15(a)", "5.2.5", "5.2.8", "6.1.3(a)")},
	{Name: "SPA962", Family: &phone9xx, Lane: 18, PN: field("SPA-962"), PSN: documented("962"), Lines: 6, Brand: field("Linksys"), OUI: field("000E08"),
		SerialPrefix: field("4MM00"),
		HW:           field("1.0.5(1900)"), DefaultRule: documented("/spa$PSN.cfg"), Option60: field("LINKSYS SPA-962"), Image: field("spa962-6-1-5a.bin"),
		Catalogue: field("SPA962"), Firmwares: seen("5.1.7", "5.1.15(aSC)", "6.1.5(a)")},
	{Name: "SPA301", Family: &phone50x, Lane: 1, PN: field("SPA301"), PSN: field("301"), Lines: 1, Option60: field("Cisco SPA301"),
		Image: field("spa50x-30x-7-6-2f.bin"), Magic: magic50x, Catalogue: field("SPA301"), Firmwares: phone7(), Constraints: before755},
	{Name: "SPA303", Family: &phone50x, Lane: 2, PN: field("SPA303"), PSN: field("303"), Lines: 3, Brand: field("Cisco"), Option60: field("Cisco SPA303"),
		Image: field("spa50x-30x-7-6-2f.bin"), Magic: magic50x, Catalogue: inferred("SPA303"), Firmwares: phone7(), Constraints: before755},
	{Name: "SPA501G", Family: &phone50x, Lane: 3, PN: field("SPA501G"), PSN: field("501G"), Lines: 8, Brand: field("Cisco"), OUI: field("8843E1"),
		SerialPrefix: field("CBT"),
		Option60:     field("Cisco SPA501G"), Image: field("spa50x-30x-7-6-2f.bin"), Magic: magic50x, Catalogue: inferred("SPA504G"), Firmwares: phone7(), Constraints: before755},
	{Name: "SPA502G", Family: &phone50x, Lane: 4, PN: field("SPA502G"), PSN: field("502G"), Lines: 1, Option60: field("Cisco SPA502G"),
		Image: field("spa50x-30x-7-6-2f.bin"), Magic: magic50x, Catalogue: inferred("SPA504G"), Firmwares: phone7(), Constraints: before755},
	{Name: "SPA504G", Family: &phone50x, Lane: 5, PN: field("SPA504G"), PSN: field("504G"), Lines: 4, Brand: field("Cisco"),
		OUI: field("1CDF0F 649EF3"), SerialPrefix: field("CCQ"),
		Option60: field("Cisco SPA504G"), Image: field("spa50x-30x-7-6-2f.bin"), Magic: magic50x, Catalogue: field("SPA504G"), Firmwares: phone7(), Constraints: before755},
	{Name: "SPA508G", Family: &phone50x, Lane: 6, PN: field("SPA508G"), PSN: field("508G"), Lines: 8, Brand: field("Cisco"), OUI: field("0002FD"),
		SerialPrefix: field("CBT"),
		Option60:     field("Cisco SPA508G"), Image: field("spa50x-30x-7-6-2f.bin"), Magic: magic50x, Catalogue: inferred("SPA504G"), Firmwares: phone7(), Constraints: before755},
	{Name: "SPA509G", Family: &phone50x, Lane: 7, PN: field("SPA509G"), PSN: field("509G"), Lines: 12, Option60: field("Cisco SPA509G"),
		Image: field("spa50x-30x-7-6-2f.bin"), Magic: magic50x, Catalogue: inferred("SPA504G"), Firmwares: phone7(), Constraints: before755},
	{Name: "SPA512G", Family: &phone51x, Lane: 8, PN: field("SPA512G"), PSN: field("512G"), Lines: 1, Option60: field("Cisco SPA512G"),
		Image: field("spa51x-7-5-5.bin"), Magic: inferred("SpA51x  FiRmWaRe"), Catalogue: inferred("SPA514G"), Firmwares: andRecalled(seen("7.5.5", "7.6.2a", "7.6.2g"), "7.5.7", "7.6.1", "7.6.2")},
	{Name: "SPA514G", Family: &phone51x, Lane: 9, PN: field("SPA514G"), PSN: field("514G"), Lines: 4, Option60: field("Cisco SPA514G"),
		Image: field("spa51x-7-5-5.bin"), Magic: inferred("SpA51x  FiRmWaRe"), Catalogue: field("SPA514G"), Firmwares: andRecalled(seen("7.5.5", "7.6.2a", "7.6.2g"), "7.5.7", "7.6.1", "7.6.2")},
	{Name: "SPA525G", Family: &phone525, Lane: 10, PN: field("SPA525G"), PSN: field("525G"), Lines: 5, Brand: field("Cisco"), SerialPrefix: field("CBT"),
		Option60: field("Cisco SPA525G"), Image: field("spa525g-7-5-5.bin"), Magic: inferred("SpA525G FiRmWaRe"), Catalogue: inferred("SPA525G2"), Firmwares: seen("7.4.4", "7.4.7", "7.4.9a", "7.5.5", "7.6.2d")},
	{Name: "SPA525G2", Family: &phone525, Lane: 11, PN: field("SPA525G2"), PSN: field("525G2"), Lines: 5, Brand: field("Cisco"), HW: field("2.1.1"),
		Option60: field("Cisco SPA525G2"),
		Magic:    inferred("SpA525G FiRmWaRe"), Catalogue: field("SPA525G2"), Firmwares: seen("7.5.4", "7.6.1", "7.6.1(ES_RC01)", "7.6.2", "7.6.2e")},
	{Name: "SPA112", Family: &spa100, Lane: 12, PN: field("SPA112"), PSN: field("112"), Lines: 2, Brand: field("Cisco"), OUI: field("88755A"),
		HW: field("1.1.0"), DefaultRule: field("/spa$PSN.cfg"),
		Option60: field("CISCO SPA112"), Image: field("SPA112-SPA122_1.3.5_004p.bin"), Magic: magic1xx, Catalogue: inferred("SPA122"),
		Firmwares: andRecalled(seen("1.3.1(003)", "1.3.2(014)", "1.3.5", "1.4.1(002)", "1.4.1(SR5)"), "1.3.3")},
	{Name: "SPA122", Family: &spa100, Lane: 13, PN: field("SPA122"), PSN: field("122"), Lines: 2, Brand: field("Cisco"), HW: field("1.1.0"),
		DefaultRule: field("/spa$PSN.cfg"),
		Option60:    field("CISCO SPA122"), Image: field("SPA112-SPA122_1.3.5_004p.bin"), Magic: magic1xx, Catalogue: field("SPA122"),
		Firmwares: andRecalled(seen("1.2.1(004)", "1.3.5(004p)", "1.3.5(004p_XU001)", "1.4.1(SR5)"), "1.3.2(014)")},
	{Name: "SPA232D", Family: &spa100, Lane: 14, PN: field("SPA232D"), PSN: field("232D"), Lines: 1, FXO: 1, Brand: field("Cisco"), Option60: field("CISCO SPA232D"),
		Magic: inferred(magic1xx.Value), Catalogue: inferred("SPA232D"), Firmwares: seen("1.3.1(003_240)", "1.4.1(002_282)")},
	{Name: "SRP521", Family: &srp500, Lane: 15, Lines: 2, Catalogue: inferred("SPA2102")},
	{Name: "SRP541", Family: &srp500, Lane: 16, Lines: 4, Catalogue: inferred("SPA2102")},
})

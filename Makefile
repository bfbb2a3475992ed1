# The targets; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n "s/:.*##.*//p" Makefile)
SYSTEMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 freebsd/amd64

help:       ## list the targets
	@grep -E '^[a-z0-9-]+: *##' $(MAKEFILE_LIST) | sed 's/: *## */\t/' | expand -t 12
build:      ## build bin/spafleet
	go build -o bin/spafleet ./cmd/spafleet
dist:       ## build bin/spafleet-SYSTEM-PROCESSOR with parts lists, notices, checksums, deb and rpm for SYSTEMS="linux/arm64 windows/amd64 ...", VERSION=v1.2.3
	@.ci/dist $(SYSTEMS)
demo:       ## twenty devices provision themselves from factory reset to SEC-PRV-2
	go run ./cmd/spafleet demo
test:       ## everything that CI runs: vet, lint, builds for other systems, all tests, with real servers
	@.ci/test
test-slow:  ## the slow rest: a day of a thousand devices against nginx, hostile servers, a thousand pages at once of ten thousand devices, 5,000 leases, 2,000 phones that Kamailio sends a NOTIFY, 100,000 NOTIFYs in ten seconds, 10,000 registrations for five refreshes, a log of ten million lines, the probe's loop with every firmware, as many devices under the race detector, what ships (test-ship), the console's pages by the rules of axe-core (from npm), a minute of each fuzz target
	@SPAFLEET_SLOW=1 go test -count=1 -timeout 30m ./cmd/spafleet ./scenarios/... -run 'DayOfJumps|Endures|RegistrarNotifies|AllModelsAskInTime|ImportIsQuick|EndlessLine|TheProbeFinds|FortyModels|ForEveryone'
	@SPAFLEET_SLOW=1 go test -count=1 -timeout 25m -v ./fleet -run "PagesOfACrowd|LeasesOfKea|AFloodOfNotifies|RegistrationsHold"
	@SPAFLEET_SLOW=1 go test -race -count=1 -timeout 30m -v ./cmd/spafleet -run Crowd
	@$(MAKE) --no-print-directory test-ship
	@.ci/fuzz 60s
test-ship:  ## two builds of a release, its deb in an empty root, the image in a read-only one, the manifests, the first run of README; as root, a quarter of an hour
	@cd deploy/package && go vet ./... && go test -count=1 -timeout 30m ./...
	@cd deploy/test && go vet ./... && go test -count=1 -timeout 30m ./...
test-k8s:   ## the Kubernetes manifests against a real control plane and Prometheus, as root; the first time builds them, fifteen minutes
	@cd deploy/kubernetes/test && go vet ./... && go test -count=1 -timeout 60m ./...
lint:       ## golangci-lint; the first time compiles it, two minutes
	@.ci/lint
fuzz:       ## ten seconds of each fuzz target; fails below 1,000 executions a second
	@.ci/fuzz 10s
golden:     ## write the golden files; look at the diff before you commit it
	@go test $$(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '/\/host\/golden/ {print $$1}') -update
bench:      ## the packages' benchmarks; NAME=check, http, idle, soak, storm, tftp, tls, virtual runs that instrument, with ARGS="..."
ifdef NAME
	@go build -o bin/bench-$(NAME) ./bench/$(NAME) && bin/bench-$(NAME) $(ARGS)
else
	go test -run '^$$' -bench . ./...
endif

# The targets; `make` lists them.
.DEFAULT_GOAL := help
help:       ## list the targets
	@grep -E '^[a-z0-9-]+: *##' $(MAKEFILE_LIST) | sed 's/: *## */\t/' | expand -t 14
build:      ## build bin/spafleet
	go build -o bin/spafleet ./cmd/spafleet
demo:       ## twenty devices walk from the factory to SEC-PRV-2
	go run ./cmd/spafleet demo
test:       ## everything that CI runs: vet, lint where it is installed, all tests under -race, real servers
	@bash .ci/programs && go vet ./... && $(MAKE) --no-print-directory lint && CI=$${CI:-} go test -race -timeout 12m ./...
test-slow:  ## the slow rest: a day of a thousand devices against nginx, hostile servers, ten thousand under -race, fuzzing a minute for each decoder
	@SPAFLEET_SLOW=1 go test -count=1 -timeout 30m ./cmd/spafleet ./scenarios -run 'DayOfJumps|Endures'
	@SPAFLEET_SLOW=1 go test -race -count=1 -timeout 30m -v ./cmd/spafleet -run Crowd
	@bash .ci/fuzz 60s
lint:       ## golangci-lint 2.15, where it is installed
	@if command -v golangci-lint >/dev/null; then golangci-lint run ./...; else echo "lint: golangci-lint is not installed, go vet has run"; fi
golden:     ## write the golden files anew; look at the diff
	go test ./... -run 'Golden|Pages|Diagram|Bad|Script|Metrics|Mistakes' -update
fuzz:       ## ten seconds for each fuzz target
	@bash .ci/fuzz 10s
bench:      ## the packages' benchmarks
	go test -run '^$$' -bench . ./...
bench-tls:  ## handshakes beside openssl s_time, memory of connections, certificates minted; four minutes
	@go build -o bin/bench-tls ./bench/tls && bin/bench-tls && bin/bench-tls --memory && bin/bench-tls --mint
bench-virtual: ## a day of 10,000 devices where time jumps, on one core
	@go build -o bin/bench-virtual ./bench/virtual && bin/bench-virtual
test-k8s:   ## the manifests against a real control plane and Prometheus, as root; the first time builds them, fifteen minutes
	@cd deploy/kubernetes/test && go vet ./... && go test -count=1 -timeout 60m ./...
SOAK ?= 30m
soak:       ## 50,000 devices with faults for SOAK=30m; ends with all synced and nothing grown, or fails
	@go build -o bin/soak ./bench/soak && bin/soak -time $(SOAK)
bench-http: ## whole resyncs over HTTP beside wrk; two minutes
	@go build -o bin/bench-http ./bench/http && bin/bench-http
bench-tftp: ## whole resyncs over TFTP beside a bare pin/tftp loop; three minutes
	@go build -o bin/bench-tftp ./bench/tftp && bin/bench-tftp
bench-idle: ## memory of 100,000 and 1,000,000 devices in SEC-PRV-2; six minutes
	@go build -o bin/bench-idle ./bench/idle && bin/bench-idle
bench-storm: ## power returns to 100,000 devices; ten minutes
	@go build -o bin/bench-storm ./bench/storm && bin/bench-storm

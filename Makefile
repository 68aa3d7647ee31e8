# ISCDesk. `make help` lists the targets. Everything that is built goes to build/.

VERSION := $(shell cat VERSION)
BIN     := build/bin
LDFLAGS := -s -w -X main.build=$(VERSION)
GOFLAGS_BUILD := -trimpath -ldflags '$(LDFLAGS)'
TESTSUM := go tool gotestsum --format pkgname

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo-setup build lib lib-windows test race lint fuzz bench ctest e2e demo demo-ui dist generate windows windows-setup test-windows clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r t d; do printf '  %-13s %s\n' "$$t" "$$d"; done

setup: ## install the Debian packages that tests need (root, about 300 MB), or list what is missing
	@.ci/setup

demo-setup: ## install the Debian packages that the demo needs (root), or list what is missing
	@.ci/setup demo

build: lib ## build the three programs and the C library into build/
	@mkdir -p $(BIN)
	@echo "building iscdesk-agent, iscdesk-cloud, iscdesk $(VERSION)"
	@CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o $(BIN)/iscdesk-agent ./agent
	@CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o $(BIN)/iscdesk-cloud ./cloud
	@CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o $(BIN)/iscdesk ./cli

lib: ## build the C library into build/lib and its headers into build/include
	@.ci/setup build
	@echo "building libiscdesk.so.1"
	@VERSION=$(VERSION) cshim/build.sh

lib-windows: ## build the two Windows DLLs into build/windows (needs both MinGW compilers)
	@.ci/setup windows-build
	@echo "building iscdesk64.dll, iscdesk.dll"
	@VERSION=$(VERSION) cshim/build-windows.sh

# Tests called TestWindows… are make test-windows' part.
test: setup build ## run all tests but Windows' (within 15 minutes on 2 cores); prints what was not run and why
	@mkdir -p build/test-output
	@$(TESTSUM) --jsonfile build/test-output/test.json -- -timeout 14m -skip '^TestWindows' ./...
	@.ci/vendorsdk

race: setup build ## run all Go tests but the installer's under the race detector; e2e's scenarios with programs built so
	@mkdir -p build/race
	@echo "building iscdesk-agent, iscdesk-cloud, iscdesk with the race detector"
	@go build -race -o build/race/iscdesk-agent ./agent
	@go build -race -o build/race/iscdesk-cloud ./cloud
	@go build -race -o build/race/iscdesk ./cli
	@$(TESTSUM) -- -race -timeout 25m -skip '^TestWindows' $$(go list ./... | grep -v -e /installer -e /e2e)
	@$(TESTSUM) -- -race -timeout 15m -run TestScenarios ./e2e -programs $(CURDIR)/build/race

lint: ## gofmt, vet, staticcheck, shellcheck, and the vet of the Windows build
	@.ci/lint

fuzz: ## run every fuzz target for 20 s each (FUZZTIME=1m for longer)
	@.ci/fuzz $(or $(FUZZTIME),20s)

bench: setup build ## measure against named peers; prints ratios (docs/benchmarks.md)
	@go run ./e2e/bench

ctest: setup build ## run the C and C++ host programs against the library
	@go test -count=1 -v ./cshim/...

e2e: setup build ## run the scenarios over the real binaries
	@go test -count=1 -v ./e2e/... ./installer/...

demo: demo-setup build ## a C program's whole way: licence, open, edit, save, save as
	@go build -o build/bin/demo ./e2e/demo && build/bin/demo

demo-ui: demo-setup build ## the demo's cloud and agent, left up for a person
	@go build -o build/bin/demo ./e2e/demo && build/bin/demo -ui

generate: ## write generated files anew (error table, C constants)
	@go generate ./...

windows: lib-windows ## cross-build everything for windows/amd64, and the DLLs for both
	@mkdir -p build/windows/x64
	@CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build $(GOFLAGS_BUILD) ./...
	@for p in agent cloud; do CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build $(GOFLAGS_BUILD) -o build/windows/x64/iscdesk-$$p.exe ./$$p || exit 1; done
	@CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build $(GOFLAGS_BUILD) -o build/windows/x64/iscdesk.exe ./cli

# What the proof needs is asked for whole, before anything is built.
windows-setup: ## install the Debian packages that test-windows needs (root), or list what is missing
	@.ci/setup windows

test-windows: windows-setup build windows ## the whole Windows proof under Wine: Windows programs and DLLs run, a line for each claim
	@.ci/wine
	@echo "building the programs for Wine"
	@mkdir -p build/wine/x64
	@for p in agent cloud; do CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build $(GOFLAGS_BUILD) -overlay build/wine/overlay.json -o build/wine/x64/iscdesk-$$p.exe ./$$p || exit 1; done
	@CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build $(GOFLAGS_BUILD) -overlay build/wine/overlay.json -o build/wine/x64/iscdesk.exe ./cli
	@CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go test -c -overlay build/wine/overlay.json -o build/wine/x64/player.exe ./e2e
	@go run ./e2e/winproof

dist: windows build ## pack programs, libraries, headers and documents of both systems into build/dist, with checksums
	@.ci/dist $(VERSION)

clean: ## remove build/
	@rm -rf build

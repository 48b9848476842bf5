# SPDX-License-Identifier: GPL-3.0-or-later
.DEFAULT_GOAL := help
.PHONY: help build programs share install uninstall packages release publish test test-all test-most test-slow e2e check-short check check-all demo bench agents cover prove reproducible kept-files nix-hash nix-test nix-check clean clean-cache

PREFIX ?= /usr/local
DESTDIR ?=
BIN ?= bin
SHARE ?= $(BIN)/share
ARCHES ?= amd64 arm64
GO ?= go
# Not from git: the same sources give the same bytes in every folder.
VERSION := $(shell cat VERSION)
LDFLAGS := -s -w -buildid= -X main.version=$(VERSION)
GOFLAGS_BUILD := -mod=vendor -trimpath -buildvcs=false
# Where front's own beginning is written (cmd/au/front/entry.go).
FRONT_ENTRY = $(if $(filter amd64 arm64,$(shell $(GO) env GOARCH)),-E main.entry)
# Built from a copy with a vendor folder, as nix does: without one the binary holds the modules' checksums, and its bytes are others.
GO_SOURCES := go.mod go.sum cmd csrc internal netfilter provision slices

help: ## what make can do
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

build: programs share ## bin/au, bin/au-complete behind it, the entrypoint bin/su_as_agent, manual and completions

# For another processor: GOARCH in the environment, CC and BIN beside it (packaging/build).
programs:
	@command -v $(GO) >/dev/null || { echo "make: go is missing: install Go 1.25 or newer from https://go.dev/dl" >&2; exit 1; }
	@command -v $${CC:-cc} >/dev/null || { echo "make: a C compiler is missing: apt install gcc libc6-dev" >&2; exit 1; }
	@mkdir -p $(BIN)
	@set -e; made='$(CURDIR)/$(BIN)/.made'; $(GO) version >"$$made.new"; $(GO) env GOARCH GOAMD64 GOARM64 GOFLAGS GOEXPERIMENT >>"$$made.new"; echo '$(LDFLAGS)' >>"$$made.new"; \
	! { cmp -s "$$made.new" "$$made" && [ -x $(BIN)/au ] && [ -x $(BIN)/au-complete ] && [ -z "$$(find $(GO_SOURCES) Makefile -newer "$$made" -print -quit)" ]; } || exit 0; \
	src=$$(mktemp -d); trap 'rm -rf "$$src"' EXIT; cp -R $(GO_SOURCES) "$$src"; cd "$$src"; $(GO) mod vendor; \
	echo "CGO_ENABLED=0 $(GO) build -mod=vendor ./cmd/au ./cmd/au/front"; \
	CGO_ENABLED=0 $(GO) build $(GOFLAGS_BUILD) -ldflags '$(LDFLAGS)' -o $(CURDIR)/$(BIN)/au-complete ./cmd/au; \
	CGO_ENABLED=0 $(GO) build $(GOFLAGS_BUILD) -ldflags '$(LDFLAGS) $(FRONT_ENTRY)' -o $(CURDIR)/$(BIN)/au ./cmd/au/front; \
	mv "$$made.new" "$$made"
	$(MAKE) --no-print-directory -C csrc OUT=$(CURDIR)/$(BIN)/su_as_agent

# Printed by the program of this machine's processor, the same for all.
share: programs
	@rm -rf $(SHARE)
	@mkdir -p $(SHARE)/man/man1 $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	@$(BIN)/au-complete manual $(SHARE)/man/man1
	@$(BIN)/au-complete completion bash >$(SHARE)/bash-completion/completions/au
	@$(BIN)/au-complete completion zsh >$(SHARE)/zsh/site-functions/_au
	@$(BIN)/au-complete completion fish >$(SHARE)/fish/vendor_completions.d/au.fish

install: ## au, the entrypoint (not set-uid for anybody), manual and completions, under DESTDIR and PREFIX (make build first)
	@[ -d $(SHARE) ] && [ -x $(BIN)/au ] && [ -x $(BIN)/au-complete ] && [ -x $(BIN)/su_as_agent ] || { echo "make: nothing to install yet: make build" >&2; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/au
	install -m 0755 $(BIN)/au-complete $(DESTDIR)$(PREFIX)/libexec/au/au-complete
	install -m 0755 $(BIN)/au $(DESTDIR)$(PREFIX)/bin/au
	install -m 0755 $(BIN)/su_as_agent $(DESTDIR)$(PREFIX)/libexec/au/su_as_agent
	@for file in $$(cd $(SHARE) && find * -type f); do install -D -m 0644 "$(SHARE)/$$file" "$(DESTDIR)$(PREFIX)/share/$$file"; done

uninstall: ## takes all of it away; agents stay (au delete takes those)
	rm -f $(DESTDIR)$(PREFIX)/bin/au $(DESTDIR)$(PREFIX)/libexec/au/au-complete $(DESTDIR)$(PREFIX)/libexec/au/su_as_agent
	-rmdir $(DESTDIR)$(PREFIX)/libexec/au 2>/dev/null
	cd $(DESTDIR)$(PREFIX)/share && rm -f bash-completion/completions/au zsh/site-functions/_au fish/vendor_completions.d/au.fish
	-cd $(DESTDIR)$(PREFIX)/share/man/man1 && rm -f $$(grep -ls '^.TH AU.* 1 "" "au ' au.1 au-*.1)

packages: ## deb and rpm in bin/packages; ARCHES=amd64 for one processor (default: amd64 and arm64)
	@e2e/machine/setup package
	@packaging/build $(VERSION) $(ARCHES)

release: ## packages, tarballs, SHA256SUMS, SBOM and notes in bin/release; SIGN_KEY=KEY signs with gpg, TAG=vX.Y.Z sees that it is that release
	@e2e/machine/setup package release
	@packaging/release $(VERSION) $(ARCHES)

publish: ## bin/release as the release TAG of the forge, with gh
	gh release create '$(TAG)' --verify-tag --notes-file bin/release/notes.md bin/release/*

# The packages, those first that take longest; and the tests that take longest, which make check leaves to .ci/run: what happens at
# each of many moments, floods, and every way through the packet filter. make check has others of each kind.
PACKAGES := ./cmd/au ./netfilter/proxy ./cmd/au/draft ./netfilter/kernel ./...
SLOW_DRAFTS := TestAttributesOfFolders|TestChangedWhileItIsTakenBack|TestEditedAfterAKill|TestKilledAsItIsKeptAgain|TestKilledByTurnsAcross|TestKilledUndoBeforeAnother|TestKilledWhileOpen|TestMadeAnewAfterAKill|TestMergeKilledAtEachStep|TestMergedChangedWhileItIsTakenBack|TestNoCommitIsLost|TestPackedWhileKept|TestStagingIsElsewhere|TestTooLongAPath|TestUndoOfWhatGitHasStill|TestWrittenToWhatIsPutAside
SLOW_NETWORK := TestAgentsServer|TestBesideFlood|TestFlood|TestFlushedRulesLetNothingOutWhileATableIsHeld|TestHarm|TestHumansOwnProxy|TestLongResponse|TestSameSourcePort|TestShown|TestShownWhileOthersChange
SLOW_COMMANDS := TestALookIsNotWaitedFor|TestDeleteThatWasKilledIsFinishedByDelete
SLOW := ^($(SLOW_DRAFTS)|$(SLOW_NETWORK)|$(SLOW_COMMANDS))$$
SLOW_SCRIPTS := ^TestScripts$$
# And those that make test leaves out besides, since they take some seconds or wait for some.
LONG_DRAFTS := TestAttributesOfTheTop|TestChangedCopyAfterAKill|TestChangedWhileItsFolderIsPutAside|TestChangesAndConflicts|TestClosedToTheHuman|TestCommits|TestCommitsOfTwoDrafts|TestEditedAtEachStep|TestFindInManyRepositories|TestItsFolderIsRenamedMeanwhile|TestKeepAfterPacking|TestKeepIsTheSameAsWithoutADraft|TestKeepOfWhatGitNeeds|TestKeepRenamedAlone|TestKilledAndAnotherFolder|TestKilledAtEachStep|TestKilledKeepAndUndo|TestMadeAnewBeforeAKill|TestMergeHasTheRightsOfTheHuman|TestMergeOfRandomLines|TestMergeRefused|TestMergeWhereGitWaits|TestNothingIsLost|TestPartsAreKeptBetweenRuns|TestRemovedAfterAKill|TestSimpleCommands|TestSwappedAtAnyStep|TestTheHumanAfterAPart|TestTheirsIsWhatTheAgentSees|TestUndoKilledWithAnotherDraft|TestUndoOfACopyThatDiffersInTheDraft|TestUndoOfWhatGitMadeNewer|TestUndoOfWhatGitNeeds|TestUndoOfWhatGitWrites|TestUndoWhereGitWaitsForEachBranch|TestUndoWhereGitWaitsForEachPack|TestWrittenWhileItIsCopied|TestWrittenWhileItIsTakenBack
LONG_NETWORK := TestCurl|TestGrantsEnd|TestLearning|TestOpenKeepsAwake|TestPinned|TestPinnedLater|TestRests|TestSilentUpstream|TestTools|TestTranslation
LONG_COMMANDS := TestAReportTrustsNoTimeInMemory|TestAProbeThatAnAgentHoldsUp|TestApplyWaitsForNoHuman|TestDeepTreesTakeLinearTime|TestDocumentsSpeakTheGrammar|TestNamesThatOthersChoseAreQuoted|TestOfBelievesNoOneSide|TestBothHalvesReadTheSamePolicies|TestMessagesShowNothingHarmful|TestSourceCompiles|TestUnitsTakeLittleOfTheLibrary
LONG := ^($(LONG_DRAFTS)|$(LONG_NETWORK)|$(LONG_COMMANDS))$$

test: ## unit and script tests that are quick: a minute, no root
	$(GO) test -short -skip '$(SLOW)|$(LONG)|$(SLOW_SCRIPTS)/^(apply|draft|home|json|net-log|net-refuse|net-why|original|setup|show|usage|words)$$' $(PACKAGES)

test-all: ## all unit and script tests, in ten minutes; as root those in namespaces, too
	$(GO) test -timeout 20m $(PACKAGES)

test-most: ## all but those that take longest
	$(GO) test -timeout 20m -skip '$(SLOW)|$(SLOW_SCRIPTS)/^(apply|json|setup|show)$$' $(PACKAGES)

test-slow: ## those that take longest; all of the commands' scripts, since they are held together to docs/json.md
	$(GO) test -timeout 20m -run '$(SLOW)|$(SLOW_SCRIPTS)' $(PACKAGES)

e2e: build ## every promise on real machines; RUN=delete for one script, MACHINE=bookworm|trixie|true for one machine, SET=core for what make check runs
	e2e/run '$(if $(RUN),$(RUN),*)'

reproducible: ## builds in two folders give the same bytes
	e2e/reproducible

nix-hash: ## rewrites nix/hashes.json after a change of go.mod
	$(GO) test ./nix -run TestVendorHash -update

nix-test: build ## the flake and the NixOS module, on a stand-in for nixpkgs, with Debian's nix; QUICK=1 builds nothing with nix
	nix/check $(if $(QUICK),--quick)

nix-check: ## the NixOS module on the module system of a real nixpkgs: NIXPKGS=/path
	@[ -n "$(NIXPKGS)" ] || { echo "make: say where nixpkgs is: make nix-check NIXPKGS=/path/to/nixpkgs" >&2; exit 1; }
	nix/real-check '$(NIXPKGS)'

check-short: ## what needs no machine: unit and script tests, and builds that give the same bytes
	e2e/machine/setup build test
	$(MAKE) --no-print-directory test-all
	$(MAKE) --no-print-directory reproducible

check: ## before a change lands: most Go tests, the builds, and the core of the scripts, with their set-up: ten minutes (make test-slow nix-test, and make e2e SET=rest, run the others)
	e2e/machine/setup build quick test
	$(MAKE) --no-print-directory test-most
	$(MAKE) --no-print-directory reproducible
	$(MAKE) --no-print-directory nix-test QUICK=1
	$(MAKE) --no-print-directory e2e SET=core

check-all: ## that, every script on every machine, and what else takes hours; writes docs/last-check-all.md. ORIGINAL=FOLDER (agent-as-unix-user, a checkout with tags), NIXPKGS=FOLDER, PARTS='mutants prove'
	@e2e/machine/setup build quick true test
	@$(MAKE) --no-print-directory -s build
	@ORIGINAL='$(ORIGINAL)' NIXPKGS='$(NIXPKGS)' e2e/check-all $(PARTS)

demo: ## shows it all in a machine of its own, which it removes; installs packages that it needs, and keeps a root file system in ~/.cache/au-e2e
	@e2e/demo

prove: ## CBMC and Spin on the entrypoint, in a machine that has them: writes csrc/prove/RESULT.md (some six minutes)
	@set -e; stage=$$(mktemp -d); trap 'rm -rf "$$stage"' EXIT; mkdir "$$stage/opt"; cp -R csrc "$$stage/opt/csrc"; status=0; \
	e2e/machine/quick --flavour prove --add "$$stage" trixie -- /opt/csrc/prove/run >"$$stage/result" || status=$$?; \
	[ ! -s "$$stage/result" ] || cat "$$stage/result" >csrc/prove/RESULT.md; grep 'FAILED' "$$stage/result" >&2 || true; exit $$status

cover: ## what part of the Go code go test and some scripts of e2e/tests run, and of the entrypoint the attacks: rewrites the tables of CONTRIBUTING.md (half an hour)
	@e2e/machine/setup build quick test check
	@e2e/cover
	@e2e/cover-entrypoint

bench: ## measures au and its peers side by side, and writes docs/performance.md (twenty minutes); SHORT=1 only tries it
	@e2e/machine/setup build quick
	@$(MAKE) --no-print-directory -s build
	@e2e/bench/run '$(RUN)'

agents: ## tries the agent programs that npm has, on Debian 12 and 13, and writes the table of docs/agents.md (half an hour); RUN='claude codex' only those two
	@e2e/machine/setup build quick
	@command -v npm >/dev/null || { echo "make: npm is missing, which fetches the packages: apt install npm" >&2; exit 1; }
	@$(MAKE) --no-print-directory -s build
	@e2e/agents $(RUN)

kept-files: ## by hand: what au writes on a machine, into a new folder of provision/testdata/0.1: NAME=FOLDER
	@e2e/kept-files $(NAME)

clean: ## removes bin
	rm -rf bin

clean-cache: ## removes the machines' root file systems
	e2e/machine/forget

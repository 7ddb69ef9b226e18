# Short names for what people do here; the commands stand in README and .ci/run.
.DEFAULT_GOAL := help
.PHONY: help check test play release verify-release verify-xterm pictures dashboard

help: ## say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/'

check: ## everything a change has to pass: format, linters, imports, storms, tests
	.ci/run

test: ## all tests, under the race detector
	go test -race ./...

play: ## the bot with a workspace, a cloud and SSH servers, on this machine
	go run ./cmd/sshforward playground

release: ## archives for linux and darwin, with checksums and lists of what is in them, into dist
	.ci/release dist

verify-release: ## builds the release twice, once from nothing, and compares every byte
	CLEAN=1 .ci/verify-release

verify-xterm: ## compares the terminal in the playground's page with the packages on npm
	SSHFORWARD_REQUIRE=xterm go test -count=1 -run TestXterm ./cmd/sshforward/playground/web

pictures: ## makes the pictures of the README, in a walk through the playground's guide
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	SSHFORWARD_ARTEFACTS=$$dir SSHFORWARD_REQUIRE=ssh,chromium go test -count=1 -run TestGuide/1400-light ./cmd/sshforward/playground && \
	cp "$$dir/guide-1400-light-2-stranger.png" docs/playground.png && cp "$$dir/guide-1400-light-10-receipt.png" docs/receipt.png

dashboard: ## makes the picture of the dashboard in docs/operations.md: a bot lives for eight minutes, watched by Prometheus
	npm ci --prefix .ci/dashboard --ignore-scripts --no-audit --no-fund
	SSHFORWARD_DASHBOARD=$(CURDIR)/docs/dashboard.png go test -count=1 -timeout 20m -run TestDashboardPicture ./cmd/sshforward

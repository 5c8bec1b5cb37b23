# Every target sets up what it needs (.ci/setup), can be run again, and works from any path.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test bench coverage docs lint wheel clean

help: ## List the targets
	@echo "make TARGET, where TARGET is one of"
	@grep -E '^[a-z]+: .*## ' Makefile | sed -E 's/^([a-z]+): .*## /  \1\t/' | expand -t 10

demo: ## Set up, run both example studies, write their reports into demo/
	@.ci/demo

test: ## Set up, then linters, types, tests, documentation and wheel: the whole check
	@.ci/test

lint: ## Linters, formatting and types only
	@.ci/setup dev && .venv/bin/python .ci/steps.py lint format types

docs: ## Build the documentation into site/
	@.ci/setup dev && .venv/bin/python .ci/steps.py docs && echo "Documentation: site/index.html"

wheel: ## Build the wheel into dist/, install it elsewhere and run it
	@.ci/setup dev && .venv/bin/python .ci/steps.py wheel && echo "Wheel: $$(ls -t dist/*.whl | head -n 1)"

bench: ## Benchmarks against other ways to the same numbers; BENCH_DOCS=1 rewrites the table in the docs
	@.ci/bench

coverage: ## Simulate how often intervals cover and comparisons claim what is not so; rewrites their pages in docs/
	@.ci/coverage

clean: ## Remove what was built and the demo; the environment (.venv, .uv) stays
	rm -rf build dist site demo .cache .benchmarks .mypy_cache .ruff_cache .pytest_cache .hypothesis

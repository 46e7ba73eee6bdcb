# One command for each task; `make` lists them. Repeated runs only check stamp files.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Every command starts many processes; without cached bytecode each of them compiles for seconds.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help install parts demo demo-site test properties lint format lock bench faults compatibility image-check clean

PROPERTIES := $(addprefix tests/renderer/language/,test_engines.py test_soup.py test_injection.py)

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Make .venv with everything for development, and install the browser and the fonts
	@scripts/install.sh dev
	@scripts/install-browser.sh

parts: ## Install the servers and tools of the tests: Kafka, MariaDB, an S3 server, helm, promtool
	@scripts/test-parts.sh
	@scripts/deploy-tools.sh

demo: ## Render 12 posters from a Django site, on embedded servers
	@scripts/install.sh demo
	@scripts/install-browser.sh
	@.venv/bin/posters demo $(ARGS)

demo-site: ## Serve that Django site, with its admin, until Ctrl-C; PORT=8000
	@scripts/install.sh demo
	@scripts/install-browser.sh
	@.venv/bin/posters demo --serve $(or $(PORT),8000) $(ARGS)

# Everything runs in two processes, each with servers of its own; the tests of a file stay together. A selection runs in one.
test: install parts lint ## Check and test everything, on real servers; ARGS="-k intake" for some of it
	@.venv/bin/python -m pytest $(or $(ARGS),--numprocesses 2 --dist loadfile --no-loadscope-reorder)

properties: install ## Try 5,000 made-up templates and values instead of some hundreds; EXAMPLES=20000
	@POSTERS_TEMPLATE_EXAMPLES=$(or $(EXAMPLES),5000) .venv/bin/python -m pytest --timeout 3600 $(or $(ARGS),$(PROPERTIES))

lint: ## Check style, types and import boundaries
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy --strict
	@PYTHONPATH=example .venv/bin/mypy --config-file django_posters/pyproject.toml
	@.venv/bin/lint-imports
	@scripts/lint-javascript.sh

format: ## Fix what ruff and Biome can fix
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .
	@scripts/lint-javascript.sh --write

lock: ## Write requirements*.txt from the pyproject.toml files; ARGS=--upgrade for the newest versions
	@scripts/lock.sh $(ARGS)

bench: install parts ## Measure for 100 minutes, and write docs/performance.md; ARGS="memory sink" for some, ARGS=all with the peers, ARGS=--help
	@.venv/bin/python -m bench $(ARGS)

faults: install parts ## Inject faults into real parts, and write docs/reliability.md; ARGS="worker-kills --times 20"
	@.venv/bin/python -m tests.faults $(ARGS)

compatibility: install parts ## Try clients, brokers, databases and stores of other makes, and write docs/compatibility.md
	@scripts/compatibility-parts.sh
	@COMPATIBILITY=all .venv/bin/python -m pytest tests/compatibility --deselect tests/compatibility/test_page.py $(ARGS)
	@.venv/bin/python -m tests.compatibility

image-check: install parts ## Carry out the Dockerfile without Docker, and make posters in the result, confined; needs root
	@command -v debootstrap >/dev/null || scripts/apt-install.sh debootstrap
	@.venv/bin/python -m tests.image $(ARGS)

clean: ## Remove what was installed and made here
	rm -rf .venv .parts out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

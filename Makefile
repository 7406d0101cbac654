# The two commands of the README, and what they need. `make VENV=... PYTHON=...` to choose others.
VENV ?= .venv
PYTHON ?= python3
# Of setup.cfg, for tests; further ones (browser, croissant, docs, ray, statistics, speed) add tests that are skipped
# without.
EXTRAS ?= test
# One environment for all targets: each adds what it lacks.
CORE = $(VENV)/.installed
RUN = $(VENV)/bin/python -m
SMOKE = runs/smoke

.PHONY: run test lint docs slow-test test-lowest speed ray-demo clean

run: $(CORE)
	$(RUN) benchmark.run --gin_file=gin/suites/smoke.gin --output_dir=$(SMOKE)
	$(RUN) benchmark.report --results_dir=$(SMOKE) --output_dir=$(SMOKE)/report --baseline=stl --nosummary

test: $(CORE)-$(EXTRAS)
	$(RUN) pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow"

lint: $(CORE)-lint
	$(RUN) ruff check
	$(RUN) mypy

# Into build/docs, as plain files for any host; a warning is an error.
docs: $(CORE)-docs
	rm -rf docs/generated
	$(RUN) sphinx -b html -W --keep-going -q docs build/docs

slow-test: $(CORE)-$(EXTRAS)
	$(RUN) pytest -m slow

# Before a release: the lowest versions that setup.cfg allows, in an environment of their own.
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --upgrade pip uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct --editable '.[test]'
	$(VENV)-lowest/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow"

speed: $(CORE)
	$(RUN) benchmark.speed

ray-demo: $(CORE)-ray
	$(VENV)/bin/python examples/ray_demo.py

$(CORE): setup.cfg pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --upgrade pip
	$(RUN) pip install --quiet --editable .
	touch $@

$(CORE)-%: $(CORE)
	$(RUN) pip install --quiet --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest build docs/generated *.egg-info

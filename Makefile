# The two commands of the README, and what they need. `make VENV=... PYTHON=...` to choose others.
VENV ?= .venv
EXTRAS ?= test,ray
PYTHON ?= python3
INSTALLED = $(VENV)/.installed
RUN = $(VENV)/bin/python -m

.PHONY: run test lint docs slow-test test-lowest speed ray-demo clean

run: $(INSTALLED)
	$(RUN) benchmark.run --gin_file=gin/suites/smoke.gin

test: $(INSTALLED)
	$(RUN) pytest -n auto --dist loadfile -m "not slow"

lint: $(INSTALLED)
	$(RUN) ruff check
	$(RUN) mypy

# Into build/docs, as plain files for any host; a warning is an error.
docs: $(INSTALLED)
	rm -rf docs/generated
	$(RUN) sphinx -b html -W --keep-going -q docs build/docs

slow-test: $(INSTALLED)
	$(RUN) pytest -m slow

# Before a release: the lowest versions that setup.cfg allows, in an environment of their own.
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --upgrade pip uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct --editable '.[test]'
	$(VENV)-lowest/bin/python -m pytest -n auto --dist loadfile -m "not slow"

speed: $(INSTALLED)
	$(RUN) benchmark.speed

ray-demo: $(INSTALLED)
	$(VENV)/bin/python examples/ray_demo.py

$(INSTALLED): setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --upgrade pip
	$(RUN) pip install --quiet --editable '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest build docs/generated *.egg-info

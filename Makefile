# The two commands of the README, and what they need. `make VENV=... PYTHON=...` to choose others.
VENV ?= .venv
EXTRAS ?= test,ray
PYTHON ?= python3
INSTALLED = $(VENV)/.installed
RUN = $(VENV)/bin/python -m

.PHONY: run test slow-test speed ray-demo clean

run: $(INSTALLED)
	$(RUN) benchmark.run --gin_file=gin/suites/smoke.gin

test: $(INSTALLED)
	$(RUN) pytest -n auto --dist loadfile -m "not slow"

slow-test: $(INSTALLED)
	$(RUN) pytest -m slow

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
	rm -rf $(VENV) build *.egg-info

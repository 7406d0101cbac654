"""Console scripts: `lasem-run` is `python -m benchmark.run`, and so on; see setup.cfg.

The module is run as the main one, so that signals, exit statuses and the workers that it starts are the same.
"""

import runpy
from collections.abc import Callable


def _command(module: str) -> Callable[[], None]:
  return lambda: _run(module)


def _run(module: str) -> None:
  runpy.run_module(module, run_name="__main__", alter_sys=True)


run = _command("benchmark.run")
report = _command("benchmark.report")
data = _command("benchmark.data")
predict = _command("benchmark.predict")
list_names = _command("benchmark.list")

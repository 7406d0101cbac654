"""What distinguishes a run's configuration from another one, as flat values: for TensorBoard's table of runs."""

from typing import Any

import gin

from benchmark.suites import bindings, suite
from benchmark.suites.bindings import Reference, ROOT

_LEARNER = f"{ROOT}.learner"


def describe(run: suite.Run) -> dict[str, bool | int | float | str]:
  """Names of the run's files, hash of its configuration, and what its learner is made of.

  To be called after `execution.build`: gin then holds the run's bindings, and knows the defaults in force as well.

  Args:
    run: whose configuration is in gin's global state.

  Returns:
    'learner', 'stream', 'scale', 'configuration_hash' and 'seed', then 'configurable.parameter' of everything that the
    learner uses (knowledge, selection, ...), macros resolved; what is neither a number nor a text is written as gin
    would write it.
  """
  # The operative configuration lacks what is constructed only when a task arrives; the requested one lacks defaults.
  values: dict[str, Any] = {}
  for text in (gin.config_str(max_line_length=100000), gin.operative_config_str(max_line_length=100000)):
    values |= bindings.bound_values(text)
  learner = bindings.expand_macros(values[_LEARNER], values)
  names = bindings.reachable(values, learner.name) if isinstance(learner, Reference) else set()
  own = {name: _flat(bindings.expand_macros(values[name], values)) for name in sorted(names) if "." in name}
  return {"learner": run.learner, "stream": run.stream, "scale": run.scale,
          "configuration_hash": run.configuration_hash, "seed": run.seed, _LEARNER: _flat(learner), **own}


def _flat(value: Any) -> bool | int | float | str:
  return value if isinstance(value, (bool, int, float, str)) else bindings.render(value)

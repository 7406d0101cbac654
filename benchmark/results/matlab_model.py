"""What a run trained and how, from its operative configuration, as values that a MATLAB file can hold."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.results import gin_texts
from benchmark.results.record_schema import RecordError
from benchmark.suites.bindings import ROOT
from benchmark.suites.gin_text import Macro, Reference, render

NETWORK = "ConvNetSpec"
NETWORK_FIELDS = ("image_shape", "kernel_sizes", "channels", "pool_sizes", "dense_sizes", "padding", "skips",
                  "dropout_keep_probability")
_MAX_FIELD_NAME = 63
_LARGEST = 2 ** 1023  # Of integers that a double can hold; larger ones stay text.
TRAINING_FIELDS = ("learning_rate", "learning_rate_decay", "batch_size", "epochs_per_task")


def describe(operative: str, where: str) -> dict[str, Any]:
  """The network, the training and all other bindings of a run, macros resolved.

  Args:
    operative: Gin text of what was in force; empty where it was not kept.
    where: whose it is, for errors.

  Returns:
    'network', a struct of `NETWORK_FIELDS`; the numbers 'learning_rate', 'learning_rate_decay', 'batch_size' and
    'epochs_per_task'; 'hyper_parameters', a struct with a struct for everything else that had parameters (learner,
    knowledge, selection, stream, and what remains of 'experiment'); and 'not_recorded', names of what the
    configuration lacks, separated by ', ', which are no fields of the others.

  Raises:
    RecordError: the text is no Gin configuration, or uses a macro that it does not define.
  """
  sections = _sections(operative, where)
  network = {name: sections.get(NETWORK, {})[name] for name in NETWORK_FIELDS if name in sections.get(NETWORK, {})}
  training = {name: sections.get(ROOT, {})[name] for name in TRAINING_FIELDS if name in sections.get(ROOT, {})}
  others = {}
  for section, values in sections.items():
    rest = {name: value for name, value in values.items()
            if not (section == NETWORK and name in network) and not (section == ROOT and name in training)}
    if rest:
      others[section] = rest
  missing = [f"network.{name}" for name in NETWORK_FIELDS if name not in network]
  missing += [name for name in TRAINING_FIELDS if name not in training]
  description = {**training, "not_recorded": ", ".join(missing if others else [*missing, "hyper_parameters"])}
  description |= {name: block for name, block in (("network", network), ("hyper_parameters", others)) if block}
  return description


def _sections(text: str, where: str) -> dict[str, dict[str, Any]]:
  """MATLAB values of the bindings: configurable -> parameter -> value."""
  sections: dict[str, dict[str, Any]] = {}
  for name, value in gin_texts.bound_values(text, where).items():
    if "." in name:  # The others are macros.
      configurable, parameter = name.rsplit(".", 1)
      section = sections.setdefault(_field_name(configurable), {})
      section[_field_name(parameter)] = _matlab_value(value, f"{where}: {name}")
  return sections


def _field_name(name: str) -> str:
  """A scope or a module in a name is no part of a name in MATLAB, which begins with a letter and has 63 characters."""
  field = re.sub(r"[^A-Za-z0-9_]", "_", name)
  field = field if field[:1].isalpha() else f"x{field}"
  if len(field) <= _MAX_FIELD_NAME:
    return field
  return f"{field[:_MAX_FIELD_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _matlab_value(value: Any, where: str) -> Any:
  """Numbers as doubles, texts, logicals; [] for None; matrices where tuples are of one shape, else cells; structs."""
  if isinstance(value, Macro):
    raise RecordError(f"{where} is the macro %{value.name}, which the operative configuration does not define.")
  if value is None:
    return np.zeros((0, 0))
  if isinstance(value, (bool, str)):
    return value
  if isinstance(value, float) or isinstance(value, int) and abs(value) < _LARGEST:
    return float(value)
  if isinstance(value, Mapping) and value and all(isinstance(key, str) and key.isidentifier() for key in value):
    return {_field_name(key): _matlab_value(entry, where) for key, entry in value.items()}
  if isinstance(value, (list, tuple)):
    return _array([_matlab_value(entry, where) for entry in value])
  return render(value) if isinstance(value, (Reference, Mapping)) else repr(value)


def _array(entries: list) -> np.ndarray:
  if not entries:
    return np.zeros((0, 0))
  shapes = {np.shape(entry) for entry in entries}
  if len(shapes) == 1 and all(np.asarray(entry).dtype == np.float64 for entry in entries):
    return np.array(entries)
  cells = np.empty(len(entries), dtype=object)
  for index, entry in enumerate(entries):  # One by one, or numpy would unpack entries of equal length.
    cells[index] = entry
  return cells

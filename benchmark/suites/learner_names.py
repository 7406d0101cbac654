"""Learners by name: a method's own file, or a knowledge and a selection put together.

  <name>                               learners/<name>.gin, where there is one
  <knowledge>_<configuration>          learners/knowledge/<knowledge>.gin + learners/selection/static.gin
  <selection>_<knowledge>[_<variant>]  the knowledge's and the selection's file, each its variant's where there is one
  planted_<knowledge>_flip_<t>_<l>     the planted configurations, but for the bit of task t and layer l
"""

import dataclasses
import itertools
import re

from benchmark.suites import gin_files
from benchmark.suites.gin_files import ConfigurationError

_KNOWLEDGE, _SELECTION = "learners/knowledge", "learners/selection"
_STATIC = "static"
# The names that TransferConfiguration.parse knows; a learner finds out whether they fit the depth of its network.
_CONFIGURATION = re.compile(r"(office_home_)?(all|none|(top|bottom)[1-9]\d*|alternating(_odd)?|[01]+)")
_FLIPPED = re.compile(r"(?P<planted>planted_\w+)_flip_(?P<task>\d+)_(?P<layer>\d+)")
# Groups for the 17-layer network, for which no stream gives sizes of deconvolution.
_OF_NO_NETWORK = re.compile(r"lasemg\d+_dfcnn_.*")
_USUAL = ("all", "alternating", "alternating_odd", *(f"{end}{k}" for end in ("top", "bottom") for k in range(1, 7)))
_USUAL += tuple(f"office_home_{name}" for name in _USUAL if name[-1] not in "456")


@dataclasses.dataclass(frozen=True)
class LearnerFiles:
  """What a learner's name stands for.

  Attributes:
    files: gin files, relative to the gin root.
    bindings: after them.
  """

  files: tuple[str, ...]
  bindings: tuple[str, ...] = ()

  def __str__(self) -> str:
    return " + ".join((*self.files, *self.bindings))


def resolve(name: str) -> LearnerFiles:
  """The files and bindings of a learner.

  Raises:
    ConfigurationError: no learner has this name; the nearest are suggested.
  """
  if gin_files.find(f"learners/{name}.gin") is not None:
    return LearnerFiles((f"learners/{name}.gin",))
  composed = _with_configuration(name) or _with_flipped_bit(name) or _with_selection(name)
  if composed is None:
    raise ConfigurationError(f"No learner {name!r}: there is no file learners/{name}.gin, and it is no "
                             "<knowledge>_<configuration> or <selection>_<knowledge>[_<variant>]."
                             f"{gin_files.nearest(name, names())}")
  return composed


def names() -> list[str]:
  """All learners by name, sorted; of static configurations the usual ones only, for there are 2 ** depth."""
  knowledge, selections = gin_files.names_in(_KNOWLEDGE), gin_files.names_in(_SELECTION)
  found = set(gin_files.names_in("learners"))
  found |= {f"{each}_{configuration}" for each in knowledge for configuration in _USUAL if each.isalpha()}
  for selection, each in itertools.product(selections, knowledge):
    stem, _, variant = selection.partition("_")
    if stem != _STATIC and each.isalpha():
      found.add(f"{stem}_{each}_{variant}" if variant else f"{stem}_{each}")
  return sorted(name for name in found if not _OF_NO_NETWORK.fullmatch(name))


def _with_configuration(name: str) -> LearnerFiles | None:
  for knowledge in sorted(gin_files.names_in(_KNOWLEDGE), key=len, reverse=True):
    configuration = name.removeprefix(f"{knowledge}_")
    if configuration != name and _CONFIGURATION.fullmatch(configuration):
      return LearnerFiles((f"{_KNOWLEDGE}/{knowledge}.gin", f"{_SELECTION}/{_STATIC}.gin"),
                          (f"Static.configuration = {configuration!r}",))
  return None


def _with_flipped_bit(name: str) -> LearnerFiles | None:
  match = _FLIPPED.fullmatch(name)
  planted = _with_selection(match["planted"]) if match else None
  if match is None or planted is None:
    return None
  return LearnerFiles(planted.files, (f"Planted.flipped = ({int(match['task'])}, {int(match['layer'])})",))


def _with_selection(name: str) -> LearnerFiles | None:
  knowledges, selections = gin_files.names_in(_KNOWLEDGE), gin_files.names_in(_SELECTION)
  # The shortest knowledge first: what follows it is a variant, of both where both have it.
  for knowledge in sorted(knowledges, key=len):
    match = re.fullmatch(rf"(?P<selection>\w+?)_{re.escape(knowledge)}(_(?P<variant>\w+))?", name)
    if not match or match["selection"] == _STATIC:
      continue
    selection, variant = match["selection"], match["variant"]
    own_selection = f"{selection}_{variant}" if variant else selection
    own_knowledge = f"{knowledge}_{variant}" if f"{knowledge}_{variant}" in knowledges else knowledge
    if own_selection in selections:
      return LearnerFiles((f"{_KNOWLEDGE}/{own_knowledge}.gin", f"{_SELECTION}/{own_selection}.gin"))
  return None

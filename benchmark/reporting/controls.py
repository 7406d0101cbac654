"""Paired comparisons of methods with the controls of a panel, beside those with its baseline."""

import dataclasses
from collections.abc import Mapping, Sequence

from benchmark.results import comparison, measures, methods, selection_quality
from benchmark.results.records import Record
from benchmark.suites.identity import split_variant
from lasem_tf.metrics import lifelong, paired

# What the controls are, by family, in the order of sentences.
CONTROLS = {
    "random": "a configuration drawn per task", "planted": "the configurations that the stream declares",
    "exhaustive": "every configuration tried", "joint": "all tasks seen so far trained together",
    "fine_tuning": "nothing protected"}
_OF_SEARCHES = ("random", "planted", "exhaustive")


@dataclasses.dataclass(frozen=True)
class AgainstControl:
  """Comparisons of final accuracy with one control.

  Attributes:
    control: its row.
    description: what it is, in words.
    of_searches: whether only searches are compared with it.
    found: by learner, tested as one family.
  """

  control: comparison.Row
  description: str
  of_searches: bool
  found: Mapping[str, paired.Comparison]


def against_controls(panel: comparison.Panel, records: Sequence[Record]) -> list[AgainstControl]:
  """Compares methods with every control of the panel that is not its baseline.

  `random_*`, `planted_*` and `exhaustive_*` are compared with the searches over the same knowledge, `joint` and
  `fine_tuning` with all methods that are no controls.

  Args:
    panel: whose methods are compared.
    records: runs of the panel's stream and scale.
  """
  values: dict[str, dict[int, float]] = {}
  for record in records:
    if record.is_completed:
      values.setdefault(record.learner, {})[record.seed] = lifelong.summarise(record.matrix).final
  rows = [row for row in panel.rows if row.learner in values and not row.mixed]
  found = []
  for kind, description in CONTROLS.items():
    for row in rows:
      if _family(row.learner) != kind or row.learner == panel.baseline:
        continue
      own = {other.learner: values[other.learner] for other in rows if _is_compared(other.learner, row.learner, kind)}
      if own:
        compared = paired.compare(own, values[row.learner], panel.margin, measures.FINAL.better == "higher")
        found.append(AgainstControl(row, description, kind in _OF_SEARCHES, compared))
  return found


def _is_compared(learner: str, control: str, kind: str) -> bool:
  family = _family(learner)
  if kind not in _OF_SEARCHES:
    return family not in CONTROLS
  is_search = family.startswith("lasem") or family == "darts" or (family == "exhaustive" and kind != "exhaustive")
  return is_search and selection_quality.knowledge(split_variant(learner)[0]) == selection_quality.knowledge(
      split_variant(control)[0])


def _family(learner: str) -> str:
  found = methods.family(learner)
  return "" if found is None else found.name

"""Which variant of a method the trials of a suite choose: a pure function of their records, by validation accuracy.

A trial is one variant, trained with every tuning seed. Of the trials whose mean validation accuracy right after
learning is within the protocol's margin of the best, the one with the highest final validation accuracy is chosen; of
equals the first in the grid's order. Without the margin, which is about what a few dozen validation images can tell
apart, the choice would be whatever protects earlier tasks least. A trial that diverged counts as tried and is not
chosen. Where a sampler suggests the trials round by round, nothing is chosen before the last round is over, and the
sampler is told the order in which this rule would take them.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.results import methods
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from benchmark.results.status import Status
from benchmark.suites import identity, search_space
from lasem_tf.metrics import lifelong
from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix


@dataclasses.dataclass(frozen=True)
class Trial:
  """One variant of a method and what its runs measured on validation images.

  Attributes:
    learner: name of the variant.
    records: of its runs that are there, by seed.
    missing: seeds without a usable record.
  """

  learner: str
  records: tuple[Record, ...]
  missing: tuple[int, ...] = ()

  @property
  def score(self) -> tuple[float, float] | None:
    """Means over seeds of `tuning_score`; None unless every seed completed."""
    if self.missing or not all(record.is_completed for record in self.records):
      return None
    learning, final = np.mean([tuning_score(record) for record in self.records], axis=0)
    return float(learning), float(final)

  @property
  def is_over(self) -> bool:
    """Whether nothing is left to train: a run that failed is tried again."""
    return not self.missing and all(record.status != Status.FAILED for record in self.records)

  @property
  def cpu_seconds(self) -> float:
    """Of all of its runs."""
    return sum(record.provenance.get("cpu_seconds", 0.0) for record in self.records)

  @property
  def state(self) -> str:
    """What became of it, in a few words; '' if it completed."""
    ended = [f"seed {record.seed} {record.status}" for record in self.records if not record.is_completed]
    return "; ".join([*ended, *(f"seed {seed} not run" for seed in self.missing)])


@dataclasses.dataclass(frozen=True)
class Choice:
  """All trials of one method on one stream.

  Attributes:
    stream: of the trials.
    method: the learner that they are variants of.
    scale: of the trials.
    tuning: how it was tuned, as the records say.
    trials: in the order of the grid.
  """

  stream: str
  method: str
  scale: str
  tuning: Mapping[str, Any]
  trials: tuple[Trial, ...]

  @property
  def chosen(self) -> Trial | None:
    """The best trial; None while trials are missing, or if none completed."""
    if len(self.trials) < self.tuning["num_trials"] or not self.is_over:
      return None
    values = self.values
    return max((trial for trial in self.trials if trial.score is not None), key=lambda trial: values[trial.learner],
               default=None)

  def chooses(self, learner: str) -> bool:
    """Whether it is this variant."""
    return self.chosen is not None and self.chosen.learner == learner

  @property
  def is_over(self) -> bool:
    """Whether nothing is left to train of the trials that are known."""
    return all(trial.is_over for trial in self.trials)

  @property
  def values(self) -> dict[str, float]:
    """A number for every trial that is over: the larger, the earlier the rule takes it; equal ones in the grid's order.

    Final validation accuracy within the margin of the best; less than that, by what was lost right after learning,
    outside; -1 for a trial that did not complete. A trial may leave the margin when a better one is found.
    """
    scores = {trial.learner: trial.score for trial in self.trials if trial.is_over}
    best = max((score[0] for score in scores.values() if score is not None), default=0.0)
    found = {}
    for learner, score in scores.items():
      if score is None:
        found[learner] = -1.0
        continue
      learning, final = score
      # Means of equal numbers in another order may differ in the last bits.
      is_near = learning >= best - self.tuning["margin"] - 1e-9
      found[learner] = round(final if is_near else learning - 1.0, 9)
    return found

  @property
  def at_an_end(self) -> tuple[str, ...]:
    """Bindings in which the chosen trial has the least or the largest of three or more values, or lies within 5 % of an
    end of its range: more might be better."""
    chosen = self.chosen
    if chosen is None:
      return ()
    bound = {trial.learner: trial.records[0].result.get("variant") or {} for trial in self.trials}
    found = []
    for name in bound[chosen.learner]:
      tried = {learner: _number(values.get(name)) for learner, values in bound.items()}
      drawn_from = search_space.range_of((self.tuning.get("space") or {}).get(name, ""))
      if drawn_from is not None:
        value = tried[chosen.learner]
        if value is not None and drawn_from.low <= value <= drawn_from.high and drawn_from.is_near_an_end(value):
          found.append(name)
        continue
      numbers = {value for value in tried.values() if value is not None}
      if len(numbers) >= 3 and tried[chosen.learner] in (min(numbers), max(numbers)):
        found.append(name)
    return tuple(found)

  @property
  def obstacle(self) -> str:
    """Why nothing can be chosen, in words; '' if something was."""
    if self.chosen is not None:
      return ""
    over = sum(trial.is_over for trial in self.trials)
    if over < self.tuning["num_trials"]:
      return f"{over} of {self.tuning['num_trials']} trials are finished"
    return "no trial completed"

  def to_json(self) -> dict[str, Any]:
    """Everything that decided, for a file."""
    trials = []
    for trial in self.trials:
      learning, final = trial.score or (None, None)
      trials.append({"variant": trial.learner, "validation_after_learning": learning, "validation_final": final,
                     "cpu_seconds": trial.cpu_seconds, "state": trial.state or "completed"})
    return {"stream": self.stream, "learner": self.method, "tuning": dict(self.tuning),
            "chosen": self.chosen.learner if self.chosen else None, "at_an_end": list(self.at_an_end),
            "trials": trials}


def tuning_score(record: Record) -> tuple[float, float]:
  """Validation accuracy of a completed run, averaged over the tasks that it visits.

  Returns:
    Right after a task's last visit, and after the run's last visit; fractions.

  Raises:
    RecordError: the record has no validation accuracies.
  """
  rows = record.result.get("validation_accuracy")
  if rows is None:
    raise RecordError(f"{record.identity}: its record holds no validation accuracy, because an older version trained "
                      f"it. Delete {record.source.parent if record.source else 'it'} to train it again.")
  matrix = AccuracyMatrix.from_rows(rows, record.result["accuracy"]["at_best_validation"],
                                    record.result["stream"]["task_order"])
  return float(matrix.after_own_visit().mean()), float(lifelong.final_per_task(matrix).mean())


def split(records: Iterable[Record]) -> tuple[list[Record], list[Record]]:
  """The trials among records, and the others, which tables and figures compare.

  A run of a variant that a larger grid still chooses says what was tried when it was trained; among the others it has
  the tuning that its method has by now, so that it need not be trained again to be compared with methods tuned alike.
  """
  found = list(records)
  return [record for record in found if record.named.is_trial], [record for record, _ in _evaluated(found)]


def compared(records: Sequence[Record]) -> list[Record]:
  """What tables and figures compare, as `split` returns it, under the names that people read there.

  Where nothing but the chosen variant of a method was evaluated, its runs are called by the method: which it is stands
  among the trials.
  """
  found, variants = _evaluated(records), dict[tuple[str, str, str], set[str]]()
  for record, _ in found:
    variants.setdefault((record.stream, record.scale, record.named.method), set()).add(record.learner)
  return [record.called(record.named.method)
          if is_chosen and len(variants[record.stream, record.scale, record.named.method]) == 1 else record
          for record, is_chosen in found]


def _evaluated(records: Sequence[Record]) -> list[tuple[Record, bool]]:
  """The runs that are no trials, with the tuning that their methods have by now, and whether it chose their variant."""
  by_now = {(choice.stream, choice.method, choice.scale): choice for choice in choices(records)}
  found = []
  for record in records:
    if record.named.is_trial:
      continue
    tuning = record.result.get("tuning")
    choice = by_now.get(_key(record, tuning)) if tuning is not None else None
    is_chosen = choice is not None and choice.chooses(record.learner)
    if choice is not None and is_chosen and choice.tuning != tuning:
      record = dataclasses.replace(record, result={**record.result, "tuning": choice.tuning})
    found.append((record, is_chosen))
  return found


def choices(records: Sequence[Record]) -> list[Choice]:
  """What the trials among records choose, stream by stream and in the order of tables.

  What counts as a trial is what the largest grid says whose choice was evaluated, for a grid may have been extended
  since some of its runs were recorded. Without such a choice it is what the evaluated runs say, else the trials.
  """
  tunings: dict[tuple, list[Mapping[str, Any]]] = {}
  evaluated: dict[tuple, set[str]] = {}
  for record in sorted(records, key=lambda record: (record.named.is_trial, *_negated_sizes(record), record.identity)):
    if (tuning := record.result.get("tuning")) is not None:
      key = _key(record, tuning)
      known = tunings.setdefault(key, [])
      if tuning not in known:
        known.append(tuning)
      if not record.named.is_trial:
        evaluated.setdefault(key, set()).add(record.learner)
  found = []
  for key, known in sorted(tunings.items(), key=lambda item: (item[0][0], methods.learner_key(item[0][1]), item[0][2])):
    made = [make(*key, tuning, records) for tuning in known]
    confirmed = [choice for choice in made if any(map(choice.chooses, evaluated.get(key, ())))]
    found.append(max(confirmed, key=lambda choice: choice.tuning["num_trials"], default=made[0]))
  return found


def _key(record: Record, tuning: Mapping[str, Any]) -> tuple[str, str, str]:
  """Stream, method and scale of the trials that a tuned run is or rests on."""
  return (tuning["stream"] or record.stream, record.named.method,
          record.scale if record.named.is_trial else identity.trial_scale(record.scale))


def make(stream: str, method: str, scale: str, tuning: Mapping[str, Any], records: Iterable[Record]) -> Choice:
  """The choice for a method.

  Args:
    stream: of the trials.
    method: name of the learner.
    scale: of the trials.
    tuning: as records of its runs say.
    records: among which its trials are.
  """
  own = {(record.learner, record.seed): record for record in records
         if (record.stream, record.scale) == (stream, scale)}
  trials = []
  for learner in tuning["variants"]:
    found = {seed: own.get((learner, seed)) for seed in tuning["seeds"]}
    trials.append(Trial(learner, tuple(record for record in found.values() if record is not None),
                        tuple(seed for seed, record in found.items() if record is None)))
  return Choice(stream, method, scale, tuning, tuple(trials))


def _number(text: str | None) -> float | None:
  """The number that a value as gin writes it is; None for others."""
  try:
    return float(text or "")
  except ValueError:
    return None


def _negated_sizes(record: Record) -> tuple[int, int]:
  """Trials that were planned, and those that were known: a sampler suggests later rounds later."""
  tuning = record.result.get("tuning")
  return (-tuning["num_trials"], -len(tuning["variants"])) if tuning else (0, 0)

"""The rounds of a suite whose trials a sampler suggests: the records of finished rounds decide what comes next.

Nothing but records is read, so a suite that was killed comes to the same trials and the same choice. The study, which
Optuna's own programs open, is written anew from the records after every round; its running trials are the next one.
"""

import pathlib
from collections.abc import Iterable

from benchmark.execution import tuned
from benchmark.execution.settings import Settings
from benchmark.results import choice as choice_lib
from benchmark.suites import sampler, search_space, suite
from lasem_tf.files import write_atomically

STUDY_ENDING = "optuna.log"  # In `tuned.FOLDER`: <stream>/<learner>.optuna.log, for Optuna's `JournalStorage`.


def begin(expansion: suite.Expansion) -> suite.Expansion:
  """Adds the first round of every learner, which rests on nothing; a suite without a sampler stays as it is."""
  return expansion.extended({expansion.tuning_unit(group): _suggest(expansion, group, [])
                             for group in expansion.groups if group.space is not None and not group.trials})


def resume(expansion: suite.Expansion, settings: Settings) -> suite.Expansion:
  """Adds every further round whose predecessors are over, as their records say; nothing is trained or written.

  Args:
    expansion: with at least the first rounds.
    settings: where the runs are.

  Raises:
    RecordError: a completed trial has no validation accuracies.
  """
  while True:
    points = {}
    for group in expansion.groups:
      unit, is_whole = expansion.tuning_unit(group), len(group.points) == expansion.suite.tuning_trials
      if group.space is None or is_whole or unit in points:
        continue
      choice = tuned.choice_of(group, settings)
      if choice.is_over:
        points[unit] = [*group.points, *_suggest(expansion, group, _told(group, choice))]
    if not points:
      return expansion
    expansion = expansion.extended(points)


def keep(groups: Iterable[suite.Group], settings: Settings) -> None:
  """Writes the study of every group that has one beside its choice."""
  written = set()
  for group in groups:
    if group.space is None:
      continue
    run = group.trials[0][0]
    path = pathlib.Path(settings.output_dir, tuned.FOLDER, run.stream, f"{group.learner}.{STUDY_ENDING}")
    if path not in written:
      written.add(path)
      told = _told(group, tuned.choice_of(group, settings))
      write_atomically(path, sampler.journal(group.space, told, f"{run.stream}/{group.learner}/{run.scale}"))


def describe(expansion: suite.Expansion) -> str:
  """Of which trials the values are not known yet, for --dry_run; '' where all are."""
  unknown, options = len(tuned.unsuggested(expansion)), expansion.suite.tuning_options
  if not unknown:
    return ""
  return (f"{options.sampler} suggests {options.num_trials} trials of every learner in rounds of {options.round_size}. "
          f"For {unknown} of {len(expansion.trials) + unknown} runs of trials the values are not known yet, because "
          "they follow from the results of the rounds before: these are listed as <learner>[trial<number>], with the "
          "configuration and the cost of the learner's first trial.")


def _suggest(expansion: suite.Expansion, group: suite.Group, told: list[sampler.Told]) -> list[search_space.Point]:
  options = expansion.suite.tuning_options
  assert group.space is not None and options.num_trials is not None
  number = min(options.round_size, options.num_trials - len(told))
  return sampler.suggest(group.space, told, options.sampler, options.sampler_seed, options.round_size, number)


def _told(group: suite.Group, choice: choice_lib.Choice) -> list[sampler.Told]:
  values, told = choice.values, []
  for point, trial in zip(group.points, choice.trials):
    names = ("validation_after_learning", "validation_final")
    scores = tuple(zip(names, trial.score)) if trial.score is not None else ()
    told.append(sampler.Told(point, values.get(trial.learner), trial.learner, scores))
  return told

"""Whether what a suite is about to train may stand in one table with what its folder holds, asked before training."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark import suite_records
from benchmark.execution import run_folder
from benchmark.execution.local.planner import Planner
from benchmark.execution.settings import Settings
from benchmark.reporting import atlas
from benchmark.results import choice, comparability
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from benchmark.results.status import Status
from benchmark.suites import suite, tuning
from benchmark.suites.gin_files import ConfigurationError
from benchmark.suites.identity import Identity, trial_scale

# What a record says of its stream, and in words; the order of tasks is shared by runs of one seed alone.
_OF_STREAM: Mapping[str, str] = {"design_fingerprint": "tasks, by their fingerprint", "display_name": "name",
              "data_fingerprint": "images, by their fingerprint"}
_OF_SEED: Mapping[str, str] = {**_OF_STREAM, "task_order": "order of tasks"}


def check(planner: Planner, expansion: suite.Expansion, runs: Sequence[suite.Run], settings: Settings,
          overwrite: bool) -> None:
  """Refuses to train what the table could not show; nothing is claimed or deleted before.

  Args:
    planner: looks at the data.
    expansion: of the suite.
    runs: that are to be trained unless they are finished, runs that stand for what is not chosen yet included.
    settings: where the records and the data are.
    overwrite: whether runs of another configuration will be deleted.

  Raises:
    ConfigurationError: a run's folder holds another configuration; or the data, the tasks or the settings of a method
      are not those of a record.
    RecordError: methods would be tuned differently, or a trial in the folder cannot be used.
    DataError: the data cannot be read.
  """
  present, _ = suite_records.usable(runs, settings)
  waiting = _waiting(runs, present)
  if not waiting:
    return
  damaged = set()
  for run in runs:
    try:
      run_folder.check_configuration(settings.run_dir(run), run)
    except run_folder.OtherConfigurationError:  # Which binding changed tells more than what else follows from it.
      if not overwrite:
        raise
    except RecordError:  # It will not be trained, which is said when its folder is prepared.
      damaged.add(run)
  waiting = [run for run in waiting if run not in damaged]
  _check_settings(waiting, present)
  _check_tuning(expansion, waiting, present)
  _check_data(planner, waiting, present, settings)


def describe(expansion: suite.Expansion, runs: Sequence[suite.Run], settings: Settings) -> list[str]:
  """For --dry_run: why the command would be refused, as far as that can be told without reading images."""
  present, _ = suite_records.usable(runs, settings)
  waiting = _waiting(runs, present)
  if not waiting or not present:
    return []
  told = []
  for look in (lambda: _check_settings(waiting, present), lambda: _check_tuning(expansion, waiting, present)):
    try:
      look()
    except (ConfigurationError, RecordError) as error:
      told.append(f"The command would be refused: {error}")
  return [*told, "Whether the images are still those that finished runs learned from is not looked at here, because "
                 "that takes reading them: the command looks before it trains anything, and refuses others."]


def _waiting(runs: Iterable[suite.Run], present: Iterable[Record]) -> list[suite.Run]:
  finished = {record.identity for record in present if record.status != Status.FAILED}
  return [run for run in runs if run.identity not in finished]


def _check_settings(waiting: Iterable[suite.Run], present: Iterable[Record]) -> None:
  """Refuses seeds of a method that would be trained with other settings than those that are finished."""
  examples = {(run.stream, run.learner, run.scale): run for run in waiting if not _is_trial(run)}
  for record in present:
    run = examples.get((record.stream, record.learner, record.scale))
    if (run is None or record.source is None or record.status == Status.FAILED
        or record.result["configuration_hash"] == run.configuration_hash):
      continue
    raise ConfigurationError(
        f"{record.source.parent} holds {record.learner} of another configuration than {run.identity} would have "
        f"({run_folder.differing(record.source.parent, run)}), and one table cannot hold both: choose another "
        f"--output_dir, or add {record.seed} to suite.seeds and --overwrite to train that run again.")


def _check_tuning(expansion: suite.Expansion, waiting: Sequence[suite.Run], present: Sequence[Record]) -> None:
  """Refuses methods of one panel that would be tuned differently, whatever the trials that are left will choose."""
  if expansion.suite.allow_mixed_tuning:
    return
  expected = {run.identity: _expected(run) for run in waiting if not _is_trial(run)}
  settled = [record for record in present if record.named.is_trial or record.status != Status.FAILED]
  compared = atlas.split(choice.split([*settled, *expected.values()])[1])[1]
  trials = {(run.stream, run.method, run.scale): run.tuning for run in _waiting(expansion.trials, present)}
  rows = [{"stream": record.stream, "scale": record.scale, "learner": record.learner, "status": record.status,
           "tuning": tuning.describe(record.result.get("tuning"))}
          for record in compared if record.identity in expected or not _may_be_chosen(record, trials)]
  for (stream, scale), panel in pd.DataFrame(rows).groupby(["stream", "scale"]) if rows else ():
    comparability.check_tuning(panel, f"{stream} ({scale})")


def _may_be_chosen(record: Record, trials: Mapping[tuple[str, str, str], Any]) -> bool:
  """Whether trials that are left may choose a run that is finished, which then counts as tuned by them."""
  for (stream, method, scale), facts in trials.items():
    if (facts.stream or record.stream, record.named.method, trial_scale(record.scale)) == (stream, method, scale):
      return record.learner in facts.variants or (facts.sampler is not None and record.learner != method)
  return False


def _expected(run: suite.Run) -> Record:
  """What methods are compared by in the record that a run will have."""
  return Record(run.identity, {"status": Status.COMPLETED, "tuning": run.to_json()["tuning"],
                               "variant": dict(run.bindings) or None, "stream": {"task_order": []}}, {})


def _check_data(planner: Planner, waiting: Sequence[suite.Run], present: Sequence[Record], settings: Settings) -> None:
  """Refuses data that are not those of the records of a stream, trials included, for these choose what is evaluated."""
  of_stream = {(run.stream, _base(run.scale)): run for run in waiting}
  of_seed = {(run.stream, run.scale, run.seed): run for run in waiting
             if not _is_trial(run) and atlas.source_and_target(run.learner, dict(run.bindings)) is None}
  compared = {record.identity for record in atlas.split(choice.split(present)[1])[1]}
  pairs: dict[tuple, tuple[suite.Run, Record, Mapping[str, str]]] = {}
  for record in present:
    example = of_stream.get((record.stream, _base(record.scale)))
    if example is None or record.status == Status.FAILED:
      continue
    run, entries = dataclasses.replace(example, seed=record.seed), _OF_STREAM
    beside = of_seed.get((record.stream, record.scale, record.seed)) if record.identity in compared else None
    if beside is not None:
      run, entries = beside, _OF_SEED
    key = (run, *(repr(record.result["stream"][entry]) for entry in entries))
    pairs.setdefault(key, (run, record, entries))
  facts = planner.stream_facts([run for run, _, _ in pairs.values()], settings)
  for now, (run, record, entries) in zip(facts, pairs.values()):
    for entry, words in entries.items():
      if (then := record.result["stream"][entry]) != now[entry]:
        raise ConfigurationError(
            f"The data of {run.stream} changed since {record.identity} in {settings.output_dir} was trained ({words}: "
            f"{now[entry]}, was {then}), and one table cannot hold both: restore them (--data_dir, or the bindings of "
            "the stream), or name another --output_dir.")


def _is_trial(run: suite.Run) -> bool:
  return Identity.parse(run.identity).is_trial


def _base(scale: str) -> str:
  return scale.removesuffix(trial_scale(""))

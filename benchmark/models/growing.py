"""Finds the run that another one goes on from, and compares configuration and earlier tasks of the two."""

import pathlib
from collections.abc import Sequence
from typing import Any

from benchmark.models import model_folder, saved_run
from benchmark.results import records, run_files
from benchmark.suites import bindings, suite
from lasem_tf.learners import base
from lasem_tf.training import growth, splits

_STREAM = f"{bindings.ROOT}.stream"
# Compared task by task, and visit by visit when the run begins.
_FIRST_TASKS, _TASK_ORDER = f"{bindings.ROOT}.first_tasks", f"{bindings.ROOT}.task_order"


def parent(folder: pathlib.Path, run: suite.Run, data: splits.SplitCache) -> growth.Parent:
  """The run that `run` goes on from.

  Args:
    folder: of that run, or the output folder of a suite that holds one of the same identity.
    run: the new run.
    data: of its stream, whose first tasks are loaded and compared with what the parent saw.

  Raises:
    ModelError: there is no such run, or it kept no model.
    GrowthError: another configuration, or tasks that differ; the message names both runs and what differs.
  """
  directory = model_folder.run_of(folder, run.identity)
  saved = saved_run.read(directory)
  try:
    _check_configuration(saved.run, run)
    _check_tasks(saved, data)
    origin = {"run_dir": str(directory), "identity": saved.run.identity, "num_visits": len(saved.order),
              "configuration_hash": saved.run.configuration_hash, "result_digest": _result_digest(directory)}
    return growth.Parent(saved.checkpoint, origin)
  except growth.GrowthError as error:
    raise _refused(run, directory, error) from error


def check_visits(parent: growth.Parent, run: suite.Run, order: Sequence[int], data: splits.SplitCache,
                 learner: base.Learner) -> None:
  """`growth.check_visits` for a run that was built and is not trained yet; the message names both runs."""
  try:
    growth.check_visits(parent, order, data.stream, learner)
  except growth.GrowthError as error:
    raise _refused(run, parent.origin["run_dir"], error) from error


def _refused(run: suite.Run, directory: object, error: growth.GrowthError) -> growth.GrowthError:
  return growth.GrowthError(f"Run {run.identity} cannot go on from {directory}: {error}")


def _check_configuration(old: suite.Run, new: suite.Run) -> None:
  """All but the stream must be bound alike: the stream is longer, which is the point."""
  if old.design_seed != new.design_seed:
    raise growth.GrowthError(f"suite.design_seed was {old.design_seed}, not {new.design_seed}.")
  before, now = _of_the_method(old), _of_the_method(new)
  differing = [f"{name} ({before.get(name, 'unbound')} there, {now.get(name, 'unbound')} here)"
               for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]
  if differing:
    raise growth.GrowthError(f"bindings differ in {', '.join(differing)}; only the stream, experiment.first_tasks and "
                             "experiment.task_order may be others.")


def _of_the_method(run: suite.Run) -> dict[str, str]:
  """Bindings that do not belong to the stream, macros resolved, as text."""
  values = bindings.bound_values(run.text, run.identity)
  reference: Any = bindings.expand_macros(values[_STREAM], values)
  of_the_stream = bindings.reachable(values, reference.name) | {_STREAM, _FIRST_TASKS, _TASK_ORDER}
  return {name: bindings.render(bindings.expand_macros(values[name], values))
          for name in bindings.reachable(values) - of_the_stream if "." in name}


def _check_tasks(saved: saved_run.SavedRun, data: splits.SplitCache) -> None:
  if len(saved.tasks) > data.stream.num_tasks:
    raise growth.GrowthError(f"its stream has {len(saved.tasks)} tasks, more than the {data.stream.num_tasks} of this "
                             "one.")
  remedy = data.stream.how_to_begin_with([task.info.class_names for task in saved.tasks])
  for task in saved.tasks:
    info = data.stream.tasks[task.info.task_id]
    if task.info.class_names != info.class_names:
      raise growth.GrowthError(f"task {info.task_id} had classes {', '.join(task.info.class_names)}; here it has "
                               f"{', '.join(info.class_names)}. {remedy}".rstrip())
    for split, then in task.fingerprints.items():
      found = data.fingerprint(info.task_id, split)
      if found != then:
        raise growth.GrowthError(f"the {split} images or labels of task {info.task_id} are others (fingerprint {found} "
                                 f"here, {then} there); earlier tasks must keep their images. {remedy}".rstrip())


def _result_digest(directory: pathlib.Path) -> str | None:
  """Of the parent's record, where it lies beside the model."""
  path = directory / run_files.RECORD_FILE
  return records.read_record(directory).to_json()["result_digest"] if path.exists() else None

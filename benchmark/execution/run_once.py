"""Executes one run of a suite in this process, from its gin files to its record."""

import dataclasses
import hashlib
import pathlib
import time
from collections.abc import Callable
from typing import Any

import gin

from benchmark.execution import process, run_folder
from benchmark.execution.settings import Settings
from benchmark.models import growing, saved_run
from benchmark.results import records, run_files
from benchmark.results.status import Status
from benchmark.suites import experiment as experiment_lib, identity, learner_bindings, own_code, suite
from benchmark.suites.gin_files import ConfigurationError, without_call
from lasem_tf import files
from lasem_tf.data import stream as stream_lib
from lasem_tf.learners import base
from lasem_tf.metrics import run_result
from lasem_tf.training import events, json_lines, lifetime, predictions, schedule, splits, tensorboard


@dataclasses.dataclass(frozen=True)
class Prepared:
  """A run that could begin: constructed and checked, nothing loaded or trained.

  Attributes:
    experiment: what its configuration says.
    stream: what it learns.
    data: the stream's splits, as the run will keep them.
    learner: as yet without tasks.
    options: of its training.
  """

  experiment: experiment_lib.Experiment
  stream: stream_lib.TaskStream
  data: splits.SplitCache
  learner: base.Learner
  options: lifetime.TrainingOptions


def build(run: suite.Run, settings: Settings, design_only: bool = False) -> Prepared:
  """Constructs a run; leaves the run's configuration in gin's global state.

  Args:
    run: which.
    settings: where the data are.
    design_only: describe the stream as the official data make it, without looking for them.

  Raises:
    ConfigurationError: a binding does not fit; the message names the run.
    DataError: the raw data are missing, damaged, or not what the configuration expects.
  """
  with own_code.located(f"Run {run.identity}: ", run.code):
    run.parse()
  try:
    with own_code.located(code=run.code):
      return _construct(run, settings, design_only)
  except stream_lib.DataError as error:
    raise stream_lib.DataError(without_call(error)) from error
  except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:
    raise ConfigurationError(f"Run {run.identity}: {without_call(error)}") from error


def _construct(run: suite.Run, settings: Settings, design_only: bool) -> Prepared:
  """What gin's global state says."""
  experiment = experiment_lib.Experiment()
  options = experiment.training_options(settings.checkpoint_seconds)
  stream = experiment.make_stream(dataclasses.replace(settings.stream_context(run), design_only=design_only))
  if experiment.network.image_shape != stream.image_shape:
    raise ValueError(f"ConvNetSpec.image_shape is {experiment.network.image_shape}, images of stream {stream.name} "
                     f"are {stream.image_shape}.")
  _check_trial(run, stream)
  data = splits.SplitCache(stream)
  learner = experiment.learner(experiment.learner_context(
      tuple(task.num_classes for task in stream.tasks), run.seed, data.training_examples,
      tuple(task.best_configuration for task in stream.tasks)))
  lifetime.check(stream, options, learner)
  return Prepared(experiment, stream, data, learner, options)


def _check_trial(run: suite.Run, stream: stream_lib.TaskStream) -> None:
  """Whether the stream has the tasks that a trial visits: its task order is not bound by the user."""
  if run.tuning is not None and identity.Identity.parse(run.identity).is_trial and (
      run.tuning.num_tasks or 0) > stream.num_tasks:
    raise ValueError(f"suite.tuning_tasks = {run.tuning.num_tasks} is more than the {stream.num_tasks} tasks of stream "
                     f"{stream.name}: bind a smaller number.")


def execute(run: suite.Run, settings: Settings, report: Callable[[events.Event], None],
            should_stop: Callable[[], bool]) -> records.Record:
  """Claims a run's folder, trains the run, or what is left of it, and writes its record.

  Args:
    run: what to train.
    settings: see there.
    report: takes the run's events, for display.
    should_stop: asked between steps; when true, a checkpoint is written and the run ends.

  Returns:
    The record, which is on disk.

  Raises:
    see `run_folder.claimed` and `train`.
  """
  with run_folder.claimed(settings, run, should_stop) as claim:
    return train(run, settings, report, should_stop, claim)


def train(run: suite.Run, settings: Settings, report: Callable[[events.Event], None], should_stop: Callable[[], bool],
          claim: run_folder.Claim) -> records.Record:
  """`execute` in a folder that this process has claimed.

  Raises:
    ConfigurationError, DataError: the run cannot be constructed.
    GrowthError: the run cannot go on from its parent.
    Interrupted: `should_stop` was true; the same call continues later.
    FolderLostError: the folder was removed meanwhile.
  """
  run_dir = settings.run_dir(run)
  finished = run_folder.finished_record(run_dir, run)
  if finished is not None:
    return finished
  start = time.process_time()
  files.remove_unfinished(run_dir)
  prepared = build(run, settings)
  parent = growing.parent(pathlib.Path(settings.grow), run, prepared.data) if settings.grow is not None else None
  files.write_atomically(run_dir / run_files.REQUESTED_FILE, gin.config_str())
  sinks: list[events.Sink] = [_ReportSink(report), json_lines.JsonLinesSink(run_dir / run_files.EVENTS_FILE)]
  if settings.tensorboard:
    sinks.append(tensorboard.TensorBoardSink(run_dir / "tensorboard", learner_bindings.describe(run)))

  def check_and_ask() -> bool:
    claim.check()
    return should_stop()

  life = lifetime.Lifetime(
      prepared.learner, prepared.data, prepared.options, checkpoint_dir=run_dir / "checkpoints", sinks=sinks,
      should_stop=check_and_ask, configuration_hash=run.configuration_hash, parent=parent)
  result = life.run()
  claim.check()
  # Before the record, so that a run counts as finished once its model is there. Should writing it fail, or this process
  # be killed meanwhile, the same command goes on from the last checkpoint, which the end of the last visit wrote.
  if settings.keep_model and result.measured.status == Status.COMPLETED:
    saved_run.of_session(run, life.session, prepared.data).write(run_dir)
  files.write_atomically(run_dir / run_files.OPERATIVE_FILE, gin.operative_config_str())
  found = _predict(life, prepared, result.measured) if settings.predictions else None
  claim.check()
  if found is not None:
    files.write_atomically(run_dir / run_files.PREDICTIONS_FILE, found.to_bytes())
  record = _record(run, settings, prepared, result, time.process_time() - start,
                   found.latency_seconds if found else [], life.session.origin)
  records.write_record(record, run_dir)
  return record


def _predict(life: lifetime.Lifetime, prepared: Prepared,
             measured: run_result.Measured) -> predictions.Predictions | None:
  """None where the run did not complete."""
  if measured.status != Status.COMPLETED:
    return None
  counts, visits = prepared.stream.counts(), schedule.task_order(prepared.options.task_order, prepared.stream.num_tasks)
  epochs = prepared.options.epochs_per_task
  training_macs = sum((macs or 0.0) * counts["train"][task] * epochs
                      for task, macs in zip(visits, measured.training_macs_per_image))
  tasks = sorted(set(visits))
  return life.predict(predictions.all_heads_are_cheap(
      [measured.forward_macs_committed[task] or 0.0 for task in tasks], [counts["test"][task] for task in tasks],
      [prepared.stream.tasks[task].num_classes for task in tasks], training_macs))


class _ReportSink:
  """Hands every event to a function and keeps none."""

  name = "report"

  def __init__(self, report: Callable[[events.Event], None]):
    self._report = report

  def emit(self, event: events.Event) -> None:
    """See `events.Sink`."""
    self._report(event)

  def position(self) -> None:
    """Nothing is kept."""

  def restore(self, position: object | None) -> None:
    """Nothing to take back."""

  def close(self) -> None:
    """Nothing to close."""


def stream_facts(prepared: Prepared) -> run_result.StreamFacts:
  """What a record says of the stream."""
  stream = prepared.stream
  return run_result.StreamFacts(
      name=stream.name, display_name=stream.display_name, protocol=stream.protocol,
      design_fingerprint=stream.design_fingerprint, data_fingerprint=stream.data_fingerprint,
      task_order=list(schedule.task_order(prepared.options.task_order, stream.num_tasks)), counts=stream.counts(),
      num_classes=[task.num_classes for task in stream.tasks])


def failed_record(run: suite.Run, settings: Settings, reason: str) -> records.Record:
  """Writes and returns the record of a run that raised an error."""
  stream = run_result.StreamFacts(name=run.stream, display_name=run.stream, protocol=None, design_fingerprint="",
                                  data_fingerprint="", task_order=[], counts={}, num_classes=[])
  result = _result(run, stream, run_result.summarize([], (), [], "failed", reason))
  record = records.Record(run.identity, result, _circumstances(run, settings))
  records.write_record(record, settings.run_dir(run))
  return record


def _record(run: suite.Run, settings: Settings, prepared: Prepared, result: lifetime.LifetimeResult,
            cpu_seconds: float, latency_seconds: list[float], parent: dict | None) -> records.Record:
  switches = dataclasses.asdict(prepared.experiment.reference_behaviour())
  provenance = {
      "reference_switches": sorted(name for name, is_on in switches.items() if is_on),
      "seconds": result.seconds, "cpu_seconds": result.cpu_seconds,
      "cpu_seconds_this_process": cpu_seconds, "resumptions": result.resumptions,
      **({"latency_seconds": latency_seconds} if latency_seconds else {}),
      # Not in the result, which records of earlier versions of this suite share bit for bit.
      "memory_floats": prepared.learner.memory_floats(),
      "peak_memory_bytes": process.peak_memory_bytes(), "parent": parent, **_circumstances(run, settings),
  }
  precision = prepared.experiment.network.precision
  computed_in = {} if precision == "float32" else {"precision": precision}
  return records.Record(run.identity, _result(run, stream_facts(prepared), result.measured,
                                              scenario=prepared.options.scenario, **computed_in), provenance)


def _result(run: suite.Run, stream: run_result.StreamFacts, measured: run_result.Measured, **further: Any) -> dict:
  return dataclasses.asdict(run_result.RunResult(
      **vars(measured), stream=stream, learner=run.learner, scale=run.scale, seed=run.seed,
      configuration_hash=run.configuration_hash, variant=dict(run.bindings) or None, tuning=run.tuning,
      **further))


def _circumstances(run: suite.Run, settings: Settings) -> dict:
  """Command, flags, time, machine, versions, and the files beside the record with the SHA-256 of each that is there."""
  run_dir = settings.run_dir(run)
  names = (run_files.REQUESTED_FILE, run_files.OPERATIVE_FILE, run_files.EVENTS_FILE, run_files.PREDICTIONS_FILE)
  digests = {name: hashlib.sha256((run_dir / name).read_bytes()).hexdigest()
             for name in names if (run_dir / name).exists()}
  flags = {name: value for name, value in dataclasses.asdict(settings).items() if name != "command"}
  return {"command": settings.command, "flags": flags, "design_seed": run.design_seed, "files": digests,
          "deterministic": settings.deterministic,
          "finished": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
          **process.describe(settings.threads)}

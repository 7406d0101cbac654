"""Plans a suite: constructs every run, which checks it, and estimates its cost, before anything is trained."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from benchmark.execution import cost_model, run_once, run_state
from benchmark.execution.plan import Plan
from benchmark.execution.settings import Settings
from benchmark.models import growing
from benchmark.models.model_folder import ModelError
from benchmark.results import run_files
from benchmark.suites import bindings as bindings_lib, experiment as experiment_lib, own_code, suite
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf.data import overlap, stream as stream_lib
from lasem_tf.data.streams import own_images
from lasem_tf.learners import base
from lasem_tf.nn import architecture
from lasem_tf.training import growth, predictions, schedule

# Measured on finished runs of twelve methods: events 320 to 720 bytes an epoch, those for TensorBoard 330 to 420, and
# checkpoints one to two times the final model.
_EVENT_BYTES, _TENSORBOARD_BYTES, _CHECKPOINTS = 500, 400, 2


def plan(runs: Sequence[suite.Run], settings: Settings, needs_data: bool = True) -> list[Plan]:
  """Constructs every run's experiment, stream and learner, which checks configuration and data, and estimates its cost.

  Args:
    runs: of a suite.
    settings: where the data are.
    needs_data: false: where the data cannot be used, plan with the counts that the configuration expects.

  Raises:
    ConfigurationError: a binding does not fit.
    DataError: with `needs_data`, the raw data are missing, damaged or not what the configuration expects.
  """
  plans, by_configuration = [], {}
  warnings: dict[str, list[str]] = {}  # By design of the stream: methods share it.
  for run in runs:
    if run.configuration_hash not in by_configuration:
      with own_code.located(f"Run {run.identity}: ", run.code):
        by_configuration[run.configuration_hash] = _plan(run, settings, needs_data, warnings)
    plans.append(dataclasses.replace(by_configuration[run.configuration_hash], run=run))
  return plans


def stream_facts(runs: Sequence[suite.Run], settings: Settings) -> list[dict]:
  """What the records of runs would say of their streams, with the data as they are now; trains nothing.

  Args:
    runs: which; of runs that agree in configuration and seed one is constructed.
    settings: where the data are.

  Returns:
    The entry `stream` of every run's record.

  Raises:
    ConfigurationError, DataError: as `run_once.build`.
  """
  found: dict[tuple[str, int], dict] = {}
  for run in runs:
    key = run.configuration_hash, run.seed
    if key not in found:
      with own_code.located(f"Run {run.identity}: ", run.code):
        found[key] = dataclasses.asdict(run_once.stream_facts(run_once.build(run, settings)))
  return [found[run.configuration_hash, run.seed] for run in runs]


def check_parents(runs: Sequence[suite.Run], settings: Settings) -> None:
  """Finds, for every run that has no record yet, the one that it goes on from, if it does, and compares the two.

  Raises:
    ConfigurationError: a run cannot go on from there; nothing was trained or claimed.
  """
  if settings.grow is None:
    return
  run_state.check_parents_are_there(runs, settings)
  folder = pathlib.Path(settings.grow)
  for run in runs:
    if not (settings.run_dir(run) / run_files.RECORD_FILE).exists():
      prepared = run_once.build(run, settings)
      try:
        order = schedule.task_order(prepared.options.task_order, prepared.stream.num_tasks)
        growing.check_visits(growing.parent(folder, run, prepared.data), run, order, prepared.data, prepared.learner)
      except (ModelError, growth.GrowthError) as error:
        raise ConfigurationError(f"--grow={folder}: {error}") from error


def shared_images(stream: stream_lib.TaskStream) -> list[str]:
  """Sentences about images that splits of the first task share; the published data are tested and not looked at."""
  if isinstance(stream, own_images.OwnImages):
    found = stream.shared_files(0)
  elif type(stream).__module__.startswith("lasem_tf.") or stream.context.design_only:
    return []
  else:
    found = overlap.shared_images(stream, 0)
  return [f"Warning: stream {stream.name}: {message}" for message in found]


def _plan(run: suite.Run, settings: Settings, needs_data: bool, warnings: dict[str, list[str]]) -> Plan:
  prepared, missing = _build(run, settings, needs_data)
  experiment, stream, learner = prepared.experiment, prepared.stream, prepared.learner
  if stream.design_fingerprint not in warnings:
    warnings[stream.design_fingerprint] = shared_images(stream)
  order = schedule.task_order(experiment.task_order, stream.num_tasks)
  counts, epochs, batch_size = stream.counts(), experiment.epochs_per_task, experiment.batch_size
  num_epochs = learner.planned_epochs(order)
  steps = {task: counts["train"][task] // batch_size * epochs for task in order}
  loads = {task: learner.workload(task) for task in order}
  # Searches that train one candidate after another take more epochs than a visit has.
  repeats = num_epochs / (len(order) * epochs)
  forward = {task: experiment.network.forward_macs(stream.tasks[task].num_classes) / 1e9 for task in order}
  images, classes = zip(*((counts["test"][task], stream.tasks[task].num_classes) for task in forward))
  training_macs = sum(learner.training_macs_per_image(task) * counts["train"][task] * epochs for task in order)
  all_heads = predictions.all_heads_are_cheap([1e9 * macs for macs in forward.values()], images, classes, training_macs)
  evaluation_gmacs = _evaluation_gmacs(learner, order, counts, epochs * repeats)
  work = cost_model.Work(
      compilations=sum(loads[task].phases * loads[task].graph for task in order),
      steps=sum(steps[task] * loads[task].graph for task in order) * repeats,
      gmacs=sum(loads[task].macs_share * learner.training_macs_per_image(task) * steps[task]
                for task in order) * batch_size / 1e9 + evaluation_gmacs,
      weight_operations=sum(steps[task] * loads[task].weight_operations * experiment.network.num_parameters(
          stream.tasks[task].num_classes) for task in order) * repeats / 1e9)
  network_bytes = _network_bytes(prepared)
  return Plan(
      course_bytes=num_epochs * (_EVENT_BYTES + settings.tensorboard * _TENSORBOARD_BYTES),
      checkpoint_bytes=_CHECKPOINTS * network_bytes,
      prediction_bytes=predictions.num_bytes(images, classes, all_heads) if settings.predictions else 0,
      run=run, num_tasks=len(set(order)), num_epochs=num_epochs,
      num_steps=round(sum(steps[task] for task in order) * repeats),
      training_gmacs=sum(learner.training_macs_per_image(task) * steps[task] for task in order) * batch_size / 1e9,
      evaluation_gmacs=evaluation_gmacs, work=work,
      model_bytes=network_bytes if settings.keep_model else 0, missing_data=missing,
      warnings=(*warnings[stream.design_fingerprint], *_untuned(run, experiment)))


def _evaluation_gmacs(learner: base.Learner, order: Sequence[int], counts: Mapping[str, Sequence[int]],
                      epochs: float) -> float:
  """Validation after every epoch, the test images after every phase, and both splits of the tasks seen after a visit.

  Args:
    learner: as yet without tasks.
    order: tasks of the visits.
    counts: examples of every task by split.
    epochs: of a visit, all phases together.
  """
  forward = {task: learner.forward_macs(task) / 1e9 for task in order}
  of_both = {task: forward[task] * (counts["test"][task] + counts["validation"][task]) for task in order}
  # What a learner can no longer change is not evaluated again.
  answers_stay = learner.promises.answers_move_at_most == 0.0
  rows = sum(of_both[task] for task in order) if answers_stay else _of_all_seen(order, of_both)
  return rows + sum(forward[task] * (counts["validation"][task] * epochs
                                     + counts["test"][task] * learner.workload(task).phases) for task in order)


def _network_bytes(prepared: run_once.Prepared) -> int:
  """Weights in float32 of one network for each task."""
  return 4 * sum(prepared.experiment.network.num_parameters(task.num_classes) for task in prepared.stream.tasks)


def _untuned(run: suite.Run, experiment: experiment_lib.Experiment) -> list[str]:
  """A sentence about settings that nobody chose for the data: those of a network that follows the images' size."""
  network = bindings_lib.bound_values(run.text, run.identity)[f"{bindings_lib.ROOT}.network"]
  if not isinstance(network, bindings_lib.Reference) or network.name != architecture.fitted_network.__name__:
    return []
  return [f"Stream {run.stream}: {experiment.network}; learning rate {experiment.learning_rate:g}, batches of "
          f"{experiment.batch_size}, {experiment.epochs_per_task} epochs a task. Nothing here was tuned for these "
          "data: bind LEARNING_RATE and EPOCHS_PER_TASK to try others."]


def _of_all_seen(order: Sequence[int], costs: Mapping[int, float]) -> float:
  """The sum over visits of the costs of all tasks seen until then."""
  seen: set[int] = set()
  of_a_visit = total = 0.0
  for task in order:
    of_a_visit += 0.0 if task in seen else costs[task]
    seen.add(task)
    total += of_a_visit
  return total


def _build(run: suite.Run, settings: Settings, needs_data: bool) -> tuple[run_once.Prepared, str]:
  """The run, and why its stream is the official data's design instead of the data at hand."""
  try:
    return run_once.build(run, settings), ""
  except stream_lib.DataError as error:
    if needs_data:
      raise
    return run_once.build(run, settings, design_only=True), str(error)

"""The releases' training loop: which epoch decays the learning rate, when tasks change, when dropout is on, how much is
recorded, and the fixed posterior of the analysis mode."""

import contextlib
import re
from unittest import mock

import numpy as np
import tensorflow as tf

from lasem_tf import types
from lasem_tf.data import stream
from lasem_tf.learners import base
from lasem_tf.nn import architecture, layers, optimizers
from lasem_tf.selection import expectation
from lasem_tf.training import events, lifetime, splits
from tests.golden_support import comparison, manifest

SPEC = architecture.ConvNetSpec(image_shape=(6, 6, 2), kernel_sizes=(3, 3), channels=(2, 3), pool_sizes=(2, 2),
                                dense_sizes=(4,))
REFERENCE = types.ReferenceBehaviour(drop_evaluation_remainder=True, record_before_commit=True)
BASE_RATE, DECAY = 0.01, 0.25
KNOWLEDGE = {"hps": "hard_sharing", "tf": "tensor_factors"}
SELECTION = {None: ("static", {"configuration": "all"}), "lasem": ("expectation", {}), "darts": ("differentiable", {})}
# The patterns of the analysis mode that go by another name here.
CONFIGURATIONS = {"alt": "alternating"}


def check(fixture: manifest.Fixture) -> comparison.Comparison:
  """Compares every recorded run."""
  result = comparison.Comparison()
  for name, recorded in fixture.manifest["results"].items():
    if name == "lasem_fixed_probability":
      _fixed_probabilities(recorded, result)
    else:
      _run(name, recorded, result)
  return result


def _fixed_probabilities(recorded: dict, result: comparison.Comparison) -> None:
  for name, expected in recorded.items():
    pattern, probability = name.split("_")
    selection = expectation.Expectation(fixed_configuration=CONFIGURATIONS.get(pattern, pattern),
                                        fixed_probability=float(probability))
    selection.bind(int(np.log2(len(expected))), types.ReferenceBehaviour())
    result.close(f"fixed probability {name}", selection.begin_search(0, 1).prior(), expected, comparison.VALUE)


class _Stream(stream.TaskStream):
  """Random images in the recorded numbers."""

  name, display_name, image_shape, protocol = "recorded_sizes", "recorded sizes", SPEC.image_shape, {}

  def __init__(self, num_tasks: int, sizes: dict[str, int]):
    self.context = stream.StreamContext()
    self._sizes = sizes
    self.tasks = tuple(types.TaskInfo(task_id, 2, ("0", "1")) for task_id in range(num_tasks))

  def _load(self, task_id, split):
    indices = self._source_indices(task_id, split)
    random = np.random.default_rng([task_id, types.SPLITS.index(split)])
    return types.TaskSplit(random.normal(size=(len(indices), *self.image_shape)).astype(np.float32),
                           (indices % 2).astype(np.int32), indices)

  def _source_indices(self, task_id, split):
    return np.arange(self._sizes[split], dtype=np.int64)


@contextlib.contextmanager
def _watched():
  """Yields ([learning rate of every update], {whether in training: keep probabilities}), also of compiled steps."""
  rates, keeps = [], {True: set(), False: set()}
  apply, dropout = optimizers.RMSProp.apply, layers.dropout

  def watched_apply(self, gradients, learning_rate):
    tf.numpy_function(lambda rate: rates.append(float(rate)), [learning_rate], [])
    return apply(self, gradients, learning_rate)

  def watched_dropout(inputs, keep_probability, seed, *further):
    keeps[seed is not None].add(keep_probability if seed is not None else 1.0)
    return dropout(inputs, keep_probability, seed, *further)

  with mock.patch.object(optimizers.RMSProp, "apply", watched_apply), \
      mock.patch.object(layers, "dropout", watched_dropout):
    yield rates, keeps


def _run(name: str, recorded: dict, result: comparison.Comparison) -> None:
  setting = recorded["setting"]
  match = re.fullmatch(r"((?P<search>lasem|darts)_)?(?P<knowledge>hps|tf)", name)
  if match is None:
    raise ValueError(f"training_loop: unknown learner {name!r}")
  selection, options = SELECTION[match["search"]]
  data = _Stream(max(setting["task_order"]) + 1, {"train": setting["num_train_per_task"],
                                                  "validation": setting["num_valid"],
                                                  "test": setting["num_test"]})
  training = lifetime.TrainingOptions(
      batch_size=setting["batch_size"], epochs_per_task=setting["epochs_per_task_patience"], learning_rate=BASE_RATE,
      learning_rate_decay=DECAY, task_order=setting["task_order"], eval_every=1, curve_splits=types.SPLITS)

  cache = splits.SplitCache(data)
  context = base.LearnerContext(
      SPEC, tuple(task.num_classes for task in data.tasks), 0, training.epochs_per_task, training.batch_size, BASE_RATE,
      REFERENCE, cache.training_examples)
  learner = manifest.find_class(manifest.LEARNERS, "composed")(
      context, manifest.find_class(manifest.KNOWLEDGE, KNOWLEDGE[match["knowledge"]])(),
      manifest.find_class(manifest.SELECTION, selection)(**options))
  memory = events.MemorySink()
  with _watched() as (rates, keeps):
    lifetime.Lifetime(learner, cache, training, sinks=[memory]).run()
  _compare(name, recorded, memory, rates, keeps, result)


def _compare(name, recorded, memory, rates, keeps, result):
  epochs = [round((BASE_RATE / rate - 1.0) / DECAY) for rate in rates]
  result.equal(f"{name}/epoch_value_fed_per_update", epochs, recorded["epoch_value_fed_per_update"])
  result.equal(f"{name}/keep_prob_fed_in_updates", sorted(keeps[True]), recorded["keep_prob_fed_in_updates"])
  result.equal(f"{name}/keep_prob_fed_elsewhere", sorted(keeps[False]), recorded["keep_prob_fed_elsewhere"])
  trained = [event for event in memory.of(events.EpochEnded) if event.loss is not None]
  result.equal(f"{name}/num_epoch", len(trained), recorded["num_epoch"])
  first_epochs = [next(event.global_epoch for event in trained if event.visit == visit.visit)
                  for visit in memory.of(events.VisitStarted)]
  result.equal(f"{name}/task_changed_epoch", first_epochs, recorded["task_changed_epoch"])
  curves = memory.of(events.CurveMeasured)
  result.equal(f"{name}/history_length", len(curves), recorded["history_length"])
  rows = [curve.accuracies["train"] for curve in curves]
  # The release appends the mean over the tasks known.
  result.equal(f"{name}/history_row_length", {len(row) + 1 for row in rows}, {recorded["history_row_length"]})
  result.equal(f"{name}/nonzero_tasks_per_row_train", [[int(value is not None) for value in row] for row in rows],
               recorded["nonzero_tasks_per_row_train"])
  searched = [event for event in trained if {"prior", "alpha"} & event.diagnostics.keys()]
  new_visits = [visit.visit for visit in memory.of(events.VisitStarted) if visit.is_new]
  for history, length in recorded["other_history_lengths"].items():
    if history.startswith("history_net_prior") or history == "history_DARTS_arch_select":
      # One entry a training epoch; the release repeats the last one when a task is visited again.
      result.equal(f"{name}/{history}", len(trained), length)
      result.equal(f"{name}/{history}: searched epochs", len(searched),
                   len([event for event in trained if event.visit in new_visits]))
    else:
      result.equal(f"{name}/{history}", len(memory.of(events.EpochEnded)) if "best" in history else len(curves), length)

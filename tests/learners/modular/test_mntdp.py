import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners.modular import mntdp
from tests.support import tiny_stream

GRID = {"learning_rates": (0.02,), "weight_decays": (0.0,)}


def related(stream, task_id=0):
  """The third task gets the images of an earlier one, and its labels in another order."""
  splits = {split: (images, 2 - labels) for split in ("train", "validation")
            for images, labels in [getattr(stream.tasks[task_id], split)]}
  stream.tasks[2] = dataclasses.replace(stream.tasks[2], **splits)
  return stream


def blind(learner, task_id):
  """Gives a task's convolutions features that tell no image from another."""
  for name, variable in learner.variables().items():
    if name.startswith(f"task{task_id}/conv"):
      variable.assign(tf.zeros_like(variable))


def accuracy(learner, task):
  return tiny_stream.accuracy(learner, task, "validation")


def run_visit(learner, task, visit):
  """With the true validation accuracies, which the search follows."""
  learner.begin_visit(task, visit)
  for phase in tiny_stream.phases(learner):
    for epoch in range(phase.num_epochs):
      learner.begin_epoch(epoch)
      for step in range(3):
        rows = [4 * step + i for i in range(4)]
        phase.step(tiny_stream.batch_of(task, rows), tiny_stream.step_context(learner, 3 * epoch + step))
      learner.end_epoch(epoch, accuracy(learner, task))
  return learner.end_visit()


def test_nearest_neighbours_by_hand():
  train = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1])
  validation = np.array([[0.4], [9.0], [6.0]]), np.array([0, 1, 0])
  assert mntdp.neighbour_accuracy(train, validation, 1) == pytest.approx(2 / 3)
  assert mntdp.neighbour_accuracy(train, validation, 4) == pytest.approx(2 / 3)  # A tie falls to label 0.


def test_mntdp_acts_worthless_modules_are_not_reused_and_useful_ones_are_frozen():
  stream = related(tiny_stream.TinyStream(), task_id=1)
  learner = mntdp.ModularNetwork(stream.context(epochs_per_task=10), neighbours=3, **GRID)
  run_visit(learner, stream.tasks[0], 0)
  blind(learner, 0)
  details = run_visit(learner, stream.tasks[1], 1).details
  assert details["reused_modules"] == 0 and not details["mechanism_acted"]
  before = [learner.logits(task.train[0], task_id).numpy() for task_id, task in enumerate(stream.tasks[:2])]
  summary = run_visit(learner, stream.tasks[2], 2)
  details = summary.details
  assert details["donor"] == 1 and details["prior"]["1"] == 1.0 and details["prior"]["0"] < 0.5
  assert details["mechanism_acted"]
  assert 0 < details["reused_modules"] == 3 - details["new_modules"]
  assert summary.configuration == "".join(str(int(layer < details["reused_modules"])) for layer in range(2))
  assert "task2/conv0/kernel" not in learner.variables() and "task2/head/dense1/kernel" in learner.variables()
  assert accuracy(learner, stream.tasks[1]) == accuracy(learner, stream.tasks[2]) == 1.0
  for task_id, answer in enumerate(before):
    np.testing.assert_array_equal(learner.logits(stream.tasks[task_id].train[0], task_id), answer)


def test_the_candidate_and_epoch_of_the_highest_validation_accuracy_stay():
  stream = tiny_stream.TinyStream()
  learner = mntdp.ModularNetwork(stream.context(), learning_rates=(0.02, 0.01), weight_decays=(0.0, 0.1))
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  names, kept = [], None
  for number, phase in enumerate(tiny_stream.phases(learner)):
    names.append(phase.name)
    for epoch in range(2):
      learner.begin_epoch(epoch)
      phase.step(tiny_stream.batch_of(learner.task, range(4)), tiny_stream.step_context(learner, number))
      wins = (number, epoch) == (5, 0)
      learner.end_epoch(epoch, 0.9 if wins else 0.8)
      if wins:
        kept = learner.logits(stream.tasks[1].train[0], 1).numpy()
  assert len(names) == len(set(names)) == 4 * 4 and learner.planned_epochs([0, 1]) == (4 + 16) * 2
  summary = learner.end_visit()
  assert summary.peak_phase == names[5] == "reuse2_rate0.02_decay0.1"
  assert (summary.details["reused_modules"], summary.details["weight_decay"]) == (2, 0.1)
  np.testing.assert_array_equal(learner.logits(stream.tasks[1].train[0], 1), kept)


def test_every_candidate_begins_at_the_initial_weights():
  stream = tiny_stream.TinyStream()
  learner = mntdp.ModularNetwork(stream.context(), **GRID)
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  start = tiny_stream.values(learner.variables())
  for phase in tiny_stream.phases(learner):
    learner.begin_epoch(0)
    tiny_stream.assert_same({name: start[name] for name in phase.trained}, tiny_stream.values(phase.trained))
    assert not any(name.startswith("task0/") for name in phase.trained)
    phase.step(tiny_stream.batch_of(learner.task, range(4)), tiny_stream.step_context(learner, 0))


def test_a_reused_module_is_not_trained_when_its_task_returns():
  stream = related(tiny_stream.TinyStream())
  learner = mntdp.ModularNetwork(stream.context(epochs_per_task=10), **GRID)
  for visit, task in enumerate(stream.tasks):
    summary = run_visit(learner, task, visit)
  reused = summary.details["reused_modules"]
  learner.begin_visit(stream.tasks[0], 3)
  layers = {name.split("/")[1] for name in learner.next_phase(0).trained}
  assert layers == {"head", *["conv0", "conv1", "dense0"][reused:]}


def test_costs_count_every_candidate():
  learner = mntdp.ModularNetwork(tiny_stream.TinyStream().context(), **GRID)
  conv0, conv1, dense, head = 8 * 8 * 27 * 4, 4 * 4 * 36 * 6, 24 * 8, 8 * 3
  forward = conv0 + conv1 + dense + head
  assert learner.training_macs_per_image(0) == 3 * forward - conv0
  assert learner.training_macs_per_image(1) == sum([
      3 * forward - conv0, forward + conv1 + 2 * (dense + head), forward + dense + 2 * head, forward + head])


def test_a_stream_without_validation_is_refused():
  learner = mntdp.ModularNetwork(tiny_stream.TinyStream().context())
  task = tiny_stream.TinyStream().tasks[0]
  with pytest.raises(ValueError, match="task 0 has no validation examples"):
    learner.begin_visit(dataclasses.replace(task, validation=(task.validation[0][:0], task.validation[1][:0])), 0)

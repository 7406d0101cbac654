"""Accuracy is correct over total, for every size, and the lazy schedule reports what the dense one would."""

import json
import pathlib
import weakref

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.training import evaluation, events, splits
from tests.training import streams

TRAINING_LOOP = json.loads((pathlib.Path(__file__).parents[1] / "golden" / "training_loop.json").read_text())["results"]


def _trained(size=23, reference=types.ReferenceBehaviour()):
  """A learner that has seen one task, and its stream."""
  stream = streams.TinyStream(num_tasks=2, sizes=(11, 5, size))
  life = streams.life("stl", stream, reference=reference)
  life.run()
  return life.session.learner, stream


@pytest.mark.parametrize("batch_size", [1, 4, 22, 23, 100])
def test_all_examples_count_whatever_the_batch(batch_size):
  learner, stream = _trained()
  evaluator = evaluation.Evaluator(learner, splits.SplitCache(stream))
  evaluator.batch_size = batch_size
  data = stream.load(1, "test")
  expected = np.mean(np.argmax(learner.logits(data.images, 1), axis=1) == data.labels)
  assert evaluator.accuracy(1, "test") == expected and expected * 23 == pytest.approx(round(expected * 23))
  evaluator.keep_resident(1)
  assert [evaluator.accuracy(1, "test") for _ in range(2)] == [expected] * 2
  assert evaluator.num_traces == 1 and evaluator.num_retraces == 0


def test_logits_of_an_image_are_the_same_whatever_the_batch():
  learner, stream = _trained()
  evaluator, found = evaluation.Evaluator(learner, splits.SplitCache(stream)), []
  for batch_size in (23, 22, 2, 1):
    evaluator.batch_size = batch_size
    found.append(evaluator.logits(1, 1)[0])
    assert all(len(images) == max(2, len(labels)) for images, labels in evaluator.batches(1, "test"))
  assert found[0].shape == (23, 3)
  for other in found[1:]:
    np.testing.assert_array_equal(other, found[0])


def test_the_releases_drop_the_remainder():
  reference = types.ReferenceBehaviour(drop_evaluation_remainder=True)
  learner, stream = _trained(reference=reference)
  data = stream.load(1, "test")
  right = np.argmax(learner.logits(data.images, 1), axis=1) == data.labels
  assert evaluation.Evaluator(learner, splits.SplitCache(stream)).accuracy(1, "test") == np.mean(right[:20])
  with pytest.raises(ValueError, match="a split of 3 examples has no full batch of 4"):
    _trained(size=3, reference=reference)


def test_tasks_not_learned_yet_have_no_accuracy():
  learner, stream = _trained()
  learner._learned.remove(1)
  row = evaluation.Evaluator(learner, splits.SplitCache(stream)).row(2)
  assert row[1] is None and 0.0 <= row[0] <= 1.0


def test_a_function_is_kept_until_the_network_is_another_one():
  learner, stream = _trained()
  evaluator = evaluation.Evaluator(learner, splits.SplitCache(stream))
  for split in ("test", "validation", "test"):
    evaluator.row(2, split)
  assert evaluator.num_traces == 2
  learner.structure_changed((0,))
  evaluator.row(2)
  assert evaluator.num_traces == 3 and evaluator.num_retraces == 0


def test_a_row_evaluates_only_what_changed():
  learner, stream = _trained()
  batches = []
  evaluator = evaluation.Evaluator(learner, splits.SplitCache(stream), lambda: bool(batches.append(1)))
  first = evaluator.row(2)
  assert len(batches) == 2 and evaluator.row(2) == first and len(batches) == 2
  head = evaluator.variables_read(1)[-1]
  head.assign(head + 1e-3 * np.arange(head.shape[-1], dtype=np.float32))
  assert evaluator.row(2)[0] == first[0] and len(batches) == 3  # Task 1 alone.
  evaluator.row(2, "validation")
  assert len(batches) == 5
  learner.structure_changed((0,))
  assert evaluator.row(2)[0] == first[0] and len(batches) == 6


def test_batches_are_as_large_as_memory_allows():
  assert evaluation.evaluation_batch_size(32 * 32 * 32) == 256
  assert evaluation.evaluation_batch_size(96 * 96 * 32) == 28
  assert evaluation.evaluation_batch_size(128 * 128 * 64) == 16
  assert evaluation.evaluation_batch_size(10) == 512


def _dense_history(memory, splits_):
  """[(visit, task, {split: row})] of dense evaluation."""
  return [(event.visit, event.task, event.accuracies) for event in memory.of(events.CurveMeasured)
          if set(event.accuracies) == set(splits_)]


@pytest.mark.parametrize("learner", ["hps", "lasem"])
def test_lazy_evaluation_reports_what_dense_evaluation_would(learner):
  order = (0, 1, 2, 0)
  stream_of = lambda: streams.TinyStream(sizes=(24, 15, 30), noise=1.5)
  common = {"task_order": order, "epochs_per_task": 4, "learning_rate": 0.03}
  lazy_life = streams.life(learner, stream_of(), streams.options(**common))
  lazy = lazy_life.run().measured.accuracy
  memory = events.MemorySink()
  curves = {"eval_every": 1, "curve_splits": ("validation", "test")}
  dense = streams.life(learner, stream_of(), streams.options(**common, **curves),
                       sinks=[memory]).run().measured.accuracy
  assert dense == lazy
  history = _dense_history(memory, ("validation", "test"))
  assert len(history) == 4 * 4 + 1
  for visit, task_id in enumerate(order):
    rows = [accuracies for number, _, accuracies in history if number == visit]
    validation = [row["validation"][task_id] for row in rows]
    best = int(np.argmax(validation))  # The first of the best.
    assert lazy.at_best_validation[visit] == rows[best]["test"][task_id]
    last = rows[-1]["test"]
    before = (lazy.before_commit or [None] * 4)[visit] or lazy.after_visit[visit]
    assert before == last
  assert len(set(lazy.at_best_validation)) > 1


def test_the_lazy_schedule_evaluates_little():
  calls = []

  class Counting(evaluation.Evaluator):
    def accuracy(self, task_id, split):
      calls.append((task_id, split))
      return super().accuracy(task_id, split)

  life = streams.life("stl", streams.TinyStream(), streams.options(epochs_per_task=5))
  life.session.evaluator.__class__ = Counting
  life.run()
  # Of epochs, and of each visit the task just learned: nothing changed of the networks before it.
  assert sum(split == "validation" for _, split in calls) == 3 * 5 + 1 + 3
  assert sum(split == "train" for _, split in calls) == 0
  # The untrained network, the best epoch of every visit, and the task learned at the end of every visit.
  assert sum(split == "test" for _, split in calls) == 1 + 3 + 3


@pytest.mark.parametrize("name, learner", [("hps", "hps"), ("lasem_hps", "lasem")])
def test_the_recorded_training_loop(name, learner):
  recorded = TRAINING_LOOP[name]
  setting = recorded["setting"]
  order, epochs = setting["task_order"], setting["epochs_per_task_patience"]
  sizes = setting["num_train_per_task"], setting["num_valid"], setting["num_test"]
  memory = events.MemorySink()
  options = streams.options(task_order=order, epochs_per_task=epochs, batch_size=setting["batch_size"], eval_every=1,
                            curve_splits=types.SPLITS, learning_rate=0.01, learning_rate_decay=0.1)
  life = streams.life(learner, streams.TinyStream(len(set(order)), sizes, noise=0.1), options,
                      types.ReferenceBehaviour.released(), sinks=[memory])
  life.run()
  _, *epochs_ended = memory.of(events.EpochEnded)
  steps_per_epoch = setting["num_train_per_task"] // setting["batch_size"]
  fed = [round((0.01 / event.learning_rate - 1) / 0.1) for event in epochs_ended for _ in range(steps_per_epoch)]
  assert fed == recorded["epoch_value_fed_per_update"]
  assert len(epochs_ended) == recorded["num_epoch"]
  first_of_visit = [next(event.global_epoch for event in epochs_ended if event.visit == visit)
                    for visit in range(len(order))]
  assert first_of_visit == recorded["task_changed_epoch"]
  history = _dense_history(memory, types.SPLITS)
  assert len(history) == recorded["history_length"]
  lengths = recorded["other_history_lengths"]
  assert all(length == len(history) for key, length in lengths.items() if key.endswith("_error"))
  if learner == "lasem":
    # The release repeats the learned prior while it trains a known task; here that visit has none.
    priors = [event.diagnostics["prior"] for event in epochs_ended if "prior" in event.diagnostics]
    assert len(priors) == lengths["history_net_prior"] - epochs
  for split in types.SPLITS:
    rows = [accuracies[split] for *_, accuracies in history]
    # One entry less than the release, whose last one is the mean over the tasks learned.
    assert {len(row) for row in rows} == {recorded["history_row_length"] - 1}
    if split == "train":
      # Recorded: whether the accuracy is above zero, which learned tasks reach and unknown tasks do not have.
      assert [[int(value is not None) for value in row] for row in rows] == recorded["nonzero_tasks_per_row_train"]


def test_large_splits_of_two_tasks_are_never_in_memory_at_once():
  learner, stream = _trained()
  alive = []

  class Watched(streams.TinyStream):
    def _load(self, task_id, split):
      assert not [reference for reference in alive if reference() is not None], "another split is still held"
      loaded = super()._load(task_id, split)
      alive.append(weakref.ref(loaded.images))
      return loaded

  evaluator = evaluation.Evaluator(learner, splits.SplitCache(Watched(num_tasks=2, sizes=(11, 5, 23)), num_bytes=1))
  evaluator.keep_resident(1)
  own = evaluator.accuracy(1, "test")
  assert evaluator.row(2)[1] == own and evaluator.accuracy(1, "test") == own
  assert len(alive) == 3  # Task 1 once, then tasks 0 and 1 of the row; the last stays.

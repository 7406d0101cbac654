"""The two compiled forms of a step."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.training import batches, splits, steps
from tests.training import streams


def _phase(name):
  """A fresh learner's phase with its task."""
  stream = streams.TinyStream(sizes=(24, 5, 8), num_tasks=1)
  tensors = {split: (tf.constant(stream.load(0, split).images), tf.constant(stream.load(0, split).labels))
             for split in ("train", "validation")}
  learner = streams.LEARNERS[name](streams.learner_context(splits.SplitCache(stream), streams.options()))
  learner.begin_visit(base.TaskData(stream.tasks[0], tensors["train"], tensors["validation"]), 0)
  return learner, learner.next_phase(0), stream


@pytest.mark.parametrize("name", ["hps", "lasem", "bounded"])
def test_the_loop_takes_the_same_steps_as_single_calls(name):
  outcomes = []
  for loop in (False, True):
    learner, phase, stream = _phase(name)
    compiled = steps.CompiledPhase(phase, learner.task, 4, loop)
    epoch = batches.Epoch(0, 0, 0)
    rows, seeds = batches.training_rows(stream, epoch, 24, 4), batches.step_seeds(0, epoch, 6)
    results = [compiled.run(rows[part], seeds[part], None, 0.01) for part in (slice(0, 1), slice(1, 4), slice(4, 6))]
    assert compiled.num_traces == 1
    assert [len(result["loss"]) for result in results] == [1, 3, 2]
    outcomes.append((np.concatenate([result["loss"] for result in results]),
                     {key: variable.numpy() for key, variable in learner.variables().items()}))
  np.testing.assert_allclose(outcomes[0][0], outcomes[1][0], rtol=1e-5)
  for key, value in outcomes[0][1].items():
    np.testing.assert_allclose(value, outcomes[1][1][key], rtol=1e-4, atol=1e-6, err_msg=key)


def test_steps_gather_the_rows_they_are_told():
  stream = streams.TinyStream()
  train = stream.load(0, "train")
  data = base.TaskData(stream.tasks[0], (tf.constant(train.images), tf.constant(train.labels)), (None, None))

  def step(batch, context):
    return base.StepResult(tf.reduce_sum(batch.images), {
        "labels": tf.reduce_sum(batch.labels), "rows": tf.reduce_sum(batch.rows), "seed": context.seed[1],
        "rate": context.learning_rate})

  phase = base.Phase("sum", 1, step, {}, {})
  for loop in (False, True):
    result = steps.CompiledPhase(phase, data, 2, loop).run(
        np.array([[0, 5], [3, 1]], np.int32), np.array([[1, 2], [3, 4]], np.int32), None, 0.25)
    np.testing.assert_allclose(result["loss"], [train.images[[0, 5]].sum(), train.images[[3, 1]].sum()], rtol=1e-5)
    assert [result[name].tolist() for name in ("labels", "rows", "seed", "rate")] == [
        [train.labels[[0, 5]].sum(), train.labels[[3, 1]].sum()], [5, 4], [2, 4], [0.25, 0.25]]


def test_the_first_bad_loss_is_found():
  assert steps.first_non_finite(np.array([1.0, np.inf, np.nan])) == 1
  assert steps.first_non_finite(np.array([1.0, 2.0])) is None

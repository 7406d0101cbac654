import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import dark_experience, fine_tuning
from lasem_tf.nn import layers
from tests.support import tiny_stream

SPEC = dataclasses.replace(tiny_stream.SPEC, dropout_keep_probability=1.0)


def lived(num_tasks=3, num_classes=(3, 3, 3), **options):
  stream = tiny_stream.TinyStream(num_classes=num_classes)
  context = stream.context(epochs_per_task=10, spec=SPEC)
  learner = dark_experience.DarkExperienceReplay(context, optimizer="adam", **options)
  summaries = [tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.02)[1]
               for visit, task in enumerate(stream.tasks[:num_tasks])]
  return stream, learner, summaries


def stored(learner):
  return {int(name[len("logits/task"):]): variable.numpy() for name, variable in learner.variables().items()
          if name.startswith("logits/")}


def test_logits_are_recorded_when_a_task_ends_and_follow_their_examples():
  stream, learner, summaries = lived(num_tasks=1, num_classes=(3, 4, 2), budget=10)
  rows = learner.memory.rows_by_task()
  np.testing.assert_array_equal(stored(learner)[0], learner.logits(tf.gather(stream.tasks[0].train[0], rows[0]), 0))
  first = dict(zip(rows[0], stored(learner)[0]))
  summaries.append(tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=3)[1])
  rows = learner.memory.rows_by_task()
  assert 0 < len(rows[0]) < 10 == len(rows[0]) + len(rows[1])
  for row, logits in zip(rows[0], stored(learner)[0]):
    np.testing.assert_array_equal(logits, first[row])
  assert stored(learner)[1].shape == (len(rows[1]), 4)
  assert summaries[0].details == {"memory_budget": 10, "memory_examples": 10, "memory_bytes": 10 * 8 * 8 * 3,
                                  "memory_by_task": {"0": 10}, "memory_logits": 30, "mechanism_acted": False}
  assert summaries[1].details["mechanism_acted"]
  assert summaries[1].details["memory_logits"] == 3 * len(rows[0]) + 4 * len(rows[1])


def test_the_loss_is_that_of_the_equation():
  stream, learner, _ = lived(num_tasks=2, num_classes=(3, 4, 2), budget=4, alpha=0.3, beta=0.5)
  learner.begin_visit(stream.tasks[2], 2)
  learner.next_phase(0)
  for variable in learner.trunk.named_variables.values():
    variable.assign_add(0.01 * tf.ones_like(variable))  # Away from where the logits were recorded.
  batch, context = tiny_stream.batch_of(learner.task, range(4)), tiny_stream.step_context(learner, 0)
  actual = learner._objective(batch, context)
  distance, memory_loss, count = 0.0, 0.0, 0
  for task_id, rows in learner.memory.rows_by_task().items():  # Four are stored, so that both draws are all of them.
    images, labels = stream.examples(task_id, rows)
    logits = learner.logits(images, task_id)
    distance += np.sum(np.mean((logits - stored(learner)[task_id]) ** 2, axis=1))
    memory_loss += np.sum(layers.cross_entropy(logits, labels))
    count += len(rows)
  assert count == 4
  np.testing.assert_allclose(actual.metrics["logit_distance"], distance / 4, rtol=1e-4)
  np.testing.assert_allclose([float(part) for part in actual.penalty], [0.3 * distance / 4, 0.5 * memory_loss / 4],
                             rtol=1e-4)
  assert float(actual.metrics["logit_distance"]) > 1e-4
  np.testing.assert_allclose(actual.loss, layers.mean_cross_entropy(learner.logits(batch.images, 2), batch.labels),
                             rtol=1e-5)


def drift(learner, stream):
  rows = learner.memory.rows_by_task()[0]
  return float(np.mean((learner.logits(tf.gather(stream.tasks[0].train[0], rows), 0) - stored(learner)[0]) ** 2))


def test_der_pp_acts_stored_logits_keep_answers_near_them():
  stream, learner, _ = lived(budget=36)
  _, without, _ = lived(budget=36, alpha=0.0)
  _, plain, _ = lived(budget=36, alpha=0.0, beta=0.0)
  assert tiny_stream.accuracy(learner, stream.tasks[0]) == 1.0
  # Some 10, 330 and 800.
  assert drift(learner, stream) < 0.2 * drift(without, stream)
  assert drift(without, stream) < 0.8 * drift(plain, stream)
  assert tiny_stream.accuracy(plain, stream.tasks[0]) < 0.5


def test_without_memory_it_is_fine_tuning_bit_for_bit():
  stream, learner, _ = lived(budget=0)
  plain = fine_tuning.FineTuning(learner.context, optimizer="adam")
  for visit, task in enumerate(stream.tasks):
    tiny_stream.run_visit(plain, task, visit, steps_per_epoch=3, learning_rate=0.02)
  tiny_stream.assert_same(tiny_stream.values(plain.variables()), tiny_stream.values(learner.variables()))


def test_the_cost_counts_both_draws():
  stream = tiny_stream.TinyStream()
  learner = dark_experience.DarkExperienceReplay(stream.context(), memory_batch=2)
  assert learner.training_macs_per_image(1) == 2.0 * learner.training_macs_per_image(0)


def test_a_negative_factor_is_refused():
  with pytest.raises(ValueError, match="needs alpha >= 0 and beta >= 0, not -1.0 and 0.5"):
    dark_experience.DarkExperienceReplay(tiny_stream.TinyStream().context(), alpha=-1.0)

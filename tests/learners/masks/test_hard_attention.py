import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import fine_tuning
from lasem_tf.learners.masks import hard_attention
from lasem_tf.nn import architecture
from tests.support import tiny_stream

WIDE = architecture.ConvNetSpec((8, 8, 3), (3, 3), (16, 24), (2, 2), (32,), dropout_keep_probability=1.0)


def context(stream, **options):
  return stream.context(**{"spec": WIDE, "epochs_per_task": 20, **options})


def lived(learner, stream):
  """Lives through the stream; returns the answers for task 0 after every visit, and the summaries."""
  answers, summaries = [], []
  for visit, task in enumerate(stream.tasks):
    summaries.append(tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.2)[1])
    answers.append(learner.logits(stream.tasks[0].train[0], 0).numpy())
  return answers, summaries


def test_hat_acts_masks_saturate_and_overlap_in_part():
  stream = tiny_stream.TinyStream()
  learner = hard_attention.HardAttention(context(stream))
  _, summaries = lived(learner, stream)
  for summary in summaries:
    assert summary.details["saturated_share"] > 0.9 and summary.details["mechanism_acted"]
    assert all(0.1 < share < 0.95 for share in summary.details["used_share"])
  shared = np.mean([summary.details["shared_with_earlier"] for summary in summaries[1:]], axis=0)
  assert np.all(shared > 0.1) and np.all(shared < 1.0)
  free = np.array([summary.details["free_share"] for summary in summaries])
  assert np.all(np.diff(free, axis=0) <= 0) and np.all(free[-1] < free[0])


def test_answers_stay_that_move_with_fine_tuning_under_the_same_optimizer():
  moved = {}
  for make in (lambda context: fine_tuning.FineTuning(context, optimizer="sgd"), hard_attention.HardAttention):
    stream = tiny_stream.TinyStream()
    learner = make(context(stream))
    answers, _ = lived(learner, stream)
    assert tiny_stream.accuracy(learner, stream.tasks[0]) == 1.0
    moved[type(learner)] = np.abs(answers[-1] - answers[0]).mean() / np.abs(answers[0]).mean()
  assert moved[fine_tuning.FineTuning] > 0.2
  assert moved[hard_attention.HardAttention] < 0.01


def test_weights_between_used_units_do_not_move():
  stream = tiny_stream.TinyStream()
  learner = hard_attention.HardAttention(context(stream))
  tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=3, learning_rate=0.2)
  before = tiny_stream.values(learner.trunk.named_variables)
  used = [mask.numpy() for mask in learner.masks(0)]
  tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=3, learning_rate=0.2)
  flattened = np.tile(used[1], 4)
  for name, below, above in (("shared/conv0", np.ones(3), used[0]), ("shared/conv1", used[0], used[1]),
                             ("shared/dense0", flattened, used[2])):
    moved = np.abs(learner.trunk.named_variables[f"{name}/kernel"].numpy() - before[f"{name}/kernel"])
    moved = moved.reshape(-1, *moved.shape[-2:]).max(axis=0)
    protected = np.minimum(below[:, np.newaxis], above)
    assert moved[protected == 1.0].max() == 0.0 < moved[protected < 0.01].mean()
    bias = np.abs(learner.trunk.named_variables[f"{name}/bias"].numpy() - before[f"{name}/bias"])
    assert bias[above == 1.0].max() == 0.0 < bias[above < 0.01].mean()


def test_the_scale_rises_within_an_epoch_and_returns():
  stream = tiny_stream.TinyStream()
  learner = hard_attention.HardAttention(context(stream), largest_scale=100.0)
  learner.begin_visit(stream.tasks[0], 0)
  phase = learner.next_phase(0)
  for _ in range(2):
    learner.begin_epoch(0)
    scales = []
    for number in range(3):
      scales.append(float(learner._scale()))
      phase.step(tiny_stream.batch_of(learner.task, range(4)), tiny_stream.step_context(learner, number))
    np.testing.assert_allclose(scales, [0.01, 50.005, 100.0], rtol=1e-6)


def test_compensation_makes_the_gradient_that_of_a_mask_at_the_largest_scale_times_its_slope():
  embedding, scale = tf.constant([-0.4, 0.0, 1.5]), tf.constant(3.0)
  with tf.GradientTape() as tape:
    tape.watch(embedding)
    mask = tf.sigmoid(scale * embedding)
  gradient = tape.gradient(mask, embedding) * hard_attention.compensation(embedding, scale, 400.0)
  # sigmoid'(x) = 1 / (2 (cosh x + 1)), so that the annealed slope cancels.
  np.testing.assert_allclose(gradient, 400.0 / (2 * (np.cosh(embedding) + 1)), rtol=1e-5)


def test_embeddings_stay_within_bounds_and_of_earlier_tasks_as_they_were():
  stream = tiny_stream.TinyStream()
  learner = hard_attention.HardAttention(context(stream, epochs_per_task=5), strength=100.0)
  tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=3, learning_rate=0.5)
  first = tiny_stream.values(learner.embeddings[0].named_variables)
  assert min(value.min() for value in first.values()) == -hard_attention.LARGEST_EMBEDDING
  tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=3, learning_rate=0.5)
  tiny_stream.assert_same(first, tiny_stream.values(learner.embeddings[0].named_variables))


def test_a_skip_connection_carries_nothing_into_masked_channels():
  spec = dataclasses.replace(WIDE, channels=(16, 16), pool_sizes=(2, 1), skips=((1, 1),))
  stream = tiny_stream.TinyStream()
  learner = hard_attention.HardAttention(stream.context(spec=spec))
  learner.begin_visit(stream.tasks[0], 0)
  masks = [tf.ones([16]), tf.cast(tf.range(16) < 5, tf.float32), tf.ones([32])]
  learner.trunk.groups[2] = {"kernel": tf.eye(256), "bias": tf.zeros([256])}
  features = learner._hidden(stream.tasks[0].train[0], [*masks[:2], tf.ones([256])], None).numpy().reshape(-1, 16)
  assert np.all(features[:, 5:] == 0) and np.all(features[:, :5].max(axis=0) > 0)


def test_wrong_options_are_refused():
  with pytest.raises(ValueError, match="HardAttention needs strength >= 0"):
    hard_attention.HardAttention(tiny_stream.TinyStream().context(), largest_scale=1.0)

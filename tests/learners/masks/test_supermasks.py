import numpy as np

from lasem_tf.learners.masks import supermasks
from lasem_tf.nn import architecture
from tests.support import tiny_stream

WIDE = architecture.ConvNetSpec((8, 8, 3), (3, 3), (16, 24), (2, 2), (32,), dropout_keep_probability=1.0)


def lived(num_tasks=2):
  stream = tiny_stream.TinyStream()
  learner = supermasks.Supermasks(stream.context(spec=WIDE, epochs_per_task=10))
  start = tiny_stream.values(learner.trunk.named_variables)
  answers, summaries = [], []
  for visit, task in enumerate(stream.tasks[:num_tasks]):
    summaries.append(tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.005)[1])
    answers.append(learner.logits(task.train[0], visit).numpy())
  return stream, learner, start, answers, summaries


def test_weights_are_signed_constants_and_never_trained():
  _, learner, start, _, _ = lived(num_tasks=1)
  tiny_stream.assert_same(start, tiny_stream.values(learner.trunk.named_variables))
  np.testing.assert_allclose(np.abs(start["shared/conv1/kernel"]), np.sqrt(2 / (0.5 * 144)), rtol=1e-6)
  assert 0.3 < np.mean(start["shared/conv1/kernel"] > 0) < 0.7
  assert np.all(start["shared/conv1/bias"] == 0)


def test_supsup_acts_masks_alone_learn_and_no_answer_moves():
  stream, learner, _, answers, summaries = lived()
  for task, answer in zip(stream.tasks, answers):
    assert tiny_stream.accuracy(learner, task) == 1.0
    np.testing.assert_array_equal(learner.logits(task.train[0], task.info.task_id), answer)
  assert all(summary.details["mechanism_acted"] for summary in summaries)
  # Scores are drawn for every task, so two masks of half the weights agree as a coin does.
  shared = np.array(summaries[1].details["shared_with_earlier"])
  assert np.all(shared > 0.3) and np.all(shared < 0.7)


def test_masks_move_away_from_the_drawn_ones():
  stream, learner, _, _, _ = lived(num_tasks=1)
  fresh = supermasks.Supermasks(learner.context)
  fresh.begin_visit(stream.tasks[0], 0)
  fresh.end_visit()
  name = "task0/mask/shared/conv1/kernel"
  changed = np.mean(learner.variables()[name].numpy() != fresh.variables()[name].numpy())
  assert 0.05 < changed < 0.95

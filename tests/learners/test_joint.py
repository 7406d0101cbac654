import numpy as np
import pytest

from lasem_tf.learners import fine_tuning, joint, trunk
from tests.support import tiny_stream


def lives(**options):
  stream = tiny_stream.TinyStream()
  learner = joint.Joint(stream.context(epochs_per_task=10), optimizer="adam", **options)
  summaries = [tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.02)[1]
               for visit, task in enumerate(stream.tasks)]
  return stream, learner, summaries


def test_it_forgets_nothing_where_fine_tuning_does():
  stream, learner, summaries = lives()
  assert [tiny_stream.accuracy(learner, task) for task in stream.tasks] == [1.0, 1.0, 1.0]
  other = fine_tuning.FineTuning(learner.context, optimizer="adam")
  for visit, task in enumerate(stream.tasks):
    tiny_stream.run_visit(other, task, visit, steps_per_epoch=3, learning_rate=0.02)
  assert tiny_stream.accuracy(other, stream.tasks[0]) < 0.7
  assert [summary.details for summary in summaries] == [
      {"memory_examples": 12 * count, "memory_bytes": 12 * count * 8 * 8 * 3,
       "memory_by_task": {str(task_id): 12 for task_id in range(count)}, "mechanism_acted": count > 1}
      for count in (1, 2, 3)]


def test_a_step_reads_a_batch_of_every_task_and_its_cost_says_so():
  stream, learner, _ = lives()
  learner.begin_visit(stream.tasks[2], 3)
  phase = learner.next_phase(0)
  drawn = learner._draw(np.array([0, 1], np.int32))
  assert drawn.labels.shape == (2 * learner.context.batch_size,)
  assert set(learner._rehearsed.task_ids.numpy()) == {0, 1} and learner._rehearsed.labels.shape == (24,)
  assert set(phase.trained) == set(learner.variables())
  single = trunk.TrunkLearner.training_macs_per_image(learner, 0)
  assert [learner.training_macs_per_image(task_id) / single for task_id in range(3)] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("head_depth", trunk.HEAD_DEPTHS)
def test_with_restart_every_visit_begins_at_the_initial_weights(head_depth):
  stream, learner, _ = lives(restart=True, head_depth=head_depth)
  fresh = joint.Joint(learner.context, head_depth=head_depth)
  for visit, task in enumerate(stream.tasks):
    fresh.begin_visit(task, visit)
  learner.begin_visit(stream.tasks[2], 3)
  assert set(learner.variables()) == set(fresh.variables())
  for name, value in tiny_stream.values(fresh.variables()).items():
    np.testing.assert_array_equal(value, learner.variables()[name], err_msg=name)

"""Single-task learning: nothing is shared, nothing is forgotten."""

import numpy as np

from lasem_tf.learners import single_task
from tests.support import tiny_stream


def test_tasks_do_not_touch_each_other():
  stream = tiny_stream.TinyStream(num_classes=(3, 2, 4))
  learner = single_task.SingleTask(stream.context())
  images = stream.tasks[0].train[0]
  _, summary = tiny_stream.run_visit(learner, stream.tasks[0], 0)
  assert summary.configuration is None and not learner.commit_changes_weights
  before, values = learner.logits(images, 0).numpy(), tiny_stream.values(learner.variables())
  for visit in (1, 2):
    tiny_stream.run_visit(learner, stream.tasks[visit], visit)
    np.testing.assert_array_equal(before, learner.logits(images, 0))
  assert learner.logits(images, 2).shape == (12, 4)
  for name, value in values.items():
    np.testing.assert_array_equal(value, learner.variables()[name])


def test_a_revisit_goes_on_with_the_tasks_own_network():
  stream = tiny_stream.TinyStream()
  learner = single_task.SingleTask(stream.context())
  for visit, task_id in enumerate((0, 1, 0)):
    before = tiny_stream.values(learner.variables())
    tiny_stream.run_visit(learner, stream.tasks[task_id], visit)
  changed = {name.split("/")[0] for name, value in learner.variables().items() if np.any(before[name] != value.numpy())}
  assert changed == {"task0"}


def test_names():
  stream = tiny_stream.TinyStream()
  learner = single_task.SingleTask(stream.context())
  tiny_stream.run_visit(learner, stream.tasks[1], 0)
  assert list(learner.variables()) == [f"task1/{layer}/{kind}"
                                       for layer in ("conv0", "conv1", "head/dense0", "head/dense1")
                                       for kind in ("kernel", "bias")]


def test_restores_from_its_structure():
  stream = tiny_stream.TinyStream()
  first, second = (single_task.SingleTask(stream.context()) for _ in range(2))
  tiny_stream.run_visit(first, stream.tasks[0], 0)
  second.restore_structure(first.structure())
  for name, variable in second.variables().items():
    variable.assign(first.variables()[name])
  images = stream.tasks[0].train[0]
  np.testing.assert_array_equal(first.logits(images, 0), second.logits(images, 0))

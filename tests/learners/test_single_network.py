"""One network for all tasks: no task identity, no growth."""

import numpy as np
import pytest

from lasem_tf.learners import single_network
from tests.support import tiny_stream


@pytest.fixture
def stream():
  return tiny_stream.TinyStream()


def test_all_tasks_get_the_same_answer(stream):
  learner = single_network.SingleNetwork(stream.context())
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  images = stream.tasks[0].train[0]
  before = learner.logits(images, 0).numpy()
  learner.begin_visit(stream.tasks[1], 1)
  np.testing.assert_array_equal(before, learner.logits(images, 1))
  tiny_stream.run_phase(learner, learner.next_phase(0))
  assert np.any(before != learner.logits(images, 0).numpy())
  np.testing.assert_array_equal(learner.logits(images, 0), learner.logits(images, 1))


def test_everything_is_trained_and_named(stream):
  learner = single_network.SingleNetwork(stream.context())
  names = [f"single/{layer}/{kind}" for layer in ("conv0", "conv1", "head/dense0", "head/dense1")
           for kind in ("kernel", "bias")]
  assert list(learner.variables()) == names
  learner.begin_visit(stream.tasks[0], 0)
  phase = learner.next_phase(0)
  assert list(phase.trained) == names and learner.next_phase(1) is None
  before = tiny_stream.values(learner.variables())
  tiny_stream.run_phase(learner, phase)
  assert all(np.any(before[name] != value.numpy()) for name, value in learner.variables().items())
  assert learner.end_visit().configuration is None
  assert learner.num_parameters() == sum(value.size for value in before.values())


def test_graphs_stay_valid(stream):
  learner = single_network.SingleNetwork(stream.context())
  versions = []
  for visit in range(2):
    tiny_stream.run_visit(learner, stream.tasks[visit], visit)
    versions.append(learner.network_version(0))
  assert versions[0] == versions[1]


def test_unequal_numbers_of_classes_are_refused():
  with pytest.raises(ValueError, match=r"equally many classes; this stream has \(3, 2\).*Leave 'snn' out"):
    single_network.SingleNetwork(tiny_stream.TinyStream(num_classes=(3, 2)).context())

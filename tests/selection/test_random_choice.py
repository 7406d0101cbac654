import collections

import numpy as np

from lasem_tf import types
from lasem_tf.knowledge import hard_sharing, tensor_factors
from lasem_tf.learners import composed
from lasem_tf.selection import random_choice
from tests.support import tiny_stream


def draws(seed, num_tasks, depth=4):
  selection = random_choice.Random()
  selection.bind(depth, types.ReferenceBehaviour(), seed=seed)
  return [str(selection.configuration_of(task_id)) for task_id in range(num_tasks)]


def test_draws_are_uniform_over_all_configurations():
  counts = collections.Counter(choice for seed in range(200) for choice in draws(seed, 10))
  assert len(counts) == 16
  # 2,000 draws, 125 expected each, standard deviation 10.8.
  assert min(counts.values()) > 80 and max(counts.values()) < 170


def test_a_draw_is_a_function_of_seed_and_task():
  assert draws(3, 5) == draws(3, 5)
  assert draws(3, 5)[:2] == draws(3, 2)
  assert len({tuple(draws(seed, 5)) for seed in range(20)}) == 20


def test_a_learner_trains_the_drawn_configuration_alone():
  stream = tiny_stream.TinyStream()
  chosen = {}
  for knowledge in (hard_sharing.HardSharing, tensor_factors.TensorFactors):
    learner = composed.Composed(stream.context(seed=5), knowledge(), random_choice.Random())
    summaries = [tiny_stream.run_visit(learner, task, visit)[1] for visit, task in enumerate(stream.tasks)]
    chosen[knowledge] = [summary.configuration for summary in summaries]
    for task_id, bits in enumerate(chosen[knowledge]):
      own = {name.split("/")[1] for name in learner.variables() if name.startswith(f"task{task_id}/conv")}
      assert own == {f"conv{layer}" for layer, bit in enumerate(bits) if bit == "0"}
    assert not learner.commit_changes_weights and learner.super_network_parameters() is None
  assert chosen[hard_sharing.HardSharing] == chosen[tensor_factors.TensorFactors] == draws(5, 3, depth=2)


def test_a_resumed_learner_keeps_its_configurations():
  stream = tiny_stream.TinyStream()
  learner = composed.Composed(stream.context(seed=1), hard_sharing.HardSharing(), random_choice.Random())
  for visit, task in enumerate(stream.tasks[:2]):
    tiny_stream.run_visit(learner, task, visit)
  other = composed.Composed(stream.context(seed=1), hard_sharing.HardSharing(), random_choice.Random())
  other.restore_structure(learner.structure())
  for name, variable in other.variables().items():
    variable.assign(learner.variables()[name])
  for task in stream.tasks[:2]:
    np.testing.assert_array_equal(learner.logits(task.train[0], task.info.task_id),
                                  other.logits(task.train[0], task.info.task_id))

import collections

import numpy as np
import pytest

from lasem_tf.learners import memory


@pytest.mark.parametrize("budget, num_seen, probability", [(2, 4, 0.5), (3, 10, 0.3)])
def test_reservoir_keeps_every_example_equally_often(budget, num_seen, probability):
  counts = collections.Counter()
  trials = 4000
  for seed in range(trials):
    reservoir = memory.Reservoir(budget, seed)
    reservoir.insert(0, np.zeros(num_seen // 2, int))
    reservoir.insert(1, np.zeros(num_seen - num_seen // 2, int))
    kept = reservoir.pairs()
    assert len(set(kept)) == budget
    counts.update(kept)
  deviation = np.sqrt(probability * (1 - probability) / trials)
  assert len(counts) == num_seen
  np.testing.assert_allclose(np.array(list(counts.values())) / trials, probability, atol=4 * deviation)


def test_reservoir_after_two_equal_tasks_holds_half_of_each():
  sizes = []
  for seed in range(60):
    reservoir = memory.Reservoir(200, seed)
    for task_id in range(2):
      reservoir.insert(task_id, np.zeros(170, int))
    sizes.append(len(reservoir.rows_by_task()[0]))
  assert np.mean(sizes) == pytest.approx(100, abs=2.5)


def test_class_quotas():
  assert memory.class_quotas(200, 10) == [20] * 10
  assert memory.class_quotas(200, 20) == [10] * 20
  assert memory.class_quotas(200, 30) == [7] * 20 + [6] * 10
  assert sum(memory.class_quotas(0, 7)) == 0


def test_class_balanced_memories_are_nested():
  balanced = memory.ClassBalanced(10, seed=3)
  labels = np.arange(30) % 3
  seen = []
  for task_id in range(3):
    balanced.insert(task_id, labels)
    kept = balanced.pairs()
    assert len(kept) == 10 and len(set(kept)) == 10
    for task, row in seen:
      del row
      assert {pair for pair in kept if pair[0] == task} <= set(seen)
    seen = kept
  per_class = collections.Counter((task, labels[row]) for task, row in balanced.pairs())
  assert sorted(per_class.values()) == [1] * 8 + [2]


def test_a_class_with_few_examples_gives_what_it_has():
  balanced = memory.ClassBalanced(20, seed=0)
  balanced.insert(0, np.array([0] * 3 + [1] * 30))
  assert collections.Counter(row >= 3 for _, row in balanced.pairs()) == {False: 3, True: 10}


@pytest.mark.parametrize("policy", sorted(memory.POLICIES))
def test_structure_brings_a_memory_back(policy):
  first = memory.make_memory(policy, 7, (3, 3), seed=1)
  first.insert(0, np.arange(12) % 3)
  second = memory.make_memory(policy, 7, (3, 3), seed=1)
  second.restore_structure(first.structure())
  for each in (first, second):
    each.insert(1, np.arange(9) % 3)
  assert first.pairs() == second.pairs() and first.structure() == second.structure()
  rows = first.rows_by_task()
  assert sum(len(values) for values in rows.values()) == 7 and list(rows) == sorted(rows)


@pytest.mark.parametrize("num_classes, budget", [((10,) * 10, 200), ((13,) * 10, 260), ((3,) * 20, 120)])
def test_default_budget_is_two_examples_per_class(num_classes, budget):
  assert memory.make_memory("class_balanced", None, num_classes, 0).budget == budget


def test_bad_options_are_refused():
  with pytest.raises(ValueError, match="Unknown memory policy 'ring'"):
    memory.make_memory("ring", 3, (3,), 0)
  with pytest.raises(ValueError, match="cannot hold -1 examples"):
    memory.Reservoir(-1, 0)

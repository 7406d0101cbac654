"""The class tables and counts of CIFAR-100 (`data_streams.md` 11.1 and 2.3, as digests and properties)."""

import hashlib
import itertools

import numpy as np
import pytest

from lasem_tf.data.streams import cifar100_tables

# Official superclass of every fine class (Krizhevsky, 2009).
COARSE = np.array([
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10,
    12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16,
    12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14,
    13
])


@pytest.mark.parametrize("num_tasks, digest", [(10, "e57bbb2edb9ad4dc"), (20, "68591f27fb020c10"),
                                               (40, "66ae36a38236e200")])
def test_digest(num_tasks, digest):
  text = ";".join(",".join(map(str, row)) for row in cifar100_tables.task_classes(num_tasks))
  assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_ten_tasks():
  table = cifar100_tables.task_classes(10)
  assert [sum(row) for row in table] == [102, 284, 428, 628, 803, 273, 410, 532, 664, 826]
  assert table[0] == (4, 1, 54, 9, 0, 5, 6, 3, 12, 8)
  assert table[5][9] == 41 and table[9][0] == 87


@pytest.mark.parametrize("num_tasks", [10, 20, 40])
def test_every_class_is_used_equally_often_and_tasks_mix_superclasses(num_tasks):
  table = cifar100_tables.task_classes(num_tasks)
  assert np.bincount(np.ravel(table), minlength=100).tolist() == [num_tasks // 10] * 100
  assert all(len(set(COARSE[list(row)])) == 10 for row in table)


def test_label_means_the_same_superclass_within_each_half():
  table = cifar100_tables.task_classes(10)
  for half in (table[:5], table[5:]):
    assert all(len(set(COARSE[list(column)])) == 1 for column in zip(*half))


def test_twenty_tasks_form_a_circle():
  table = cifar100_tables.task_classes(20)
  for first, second in itertools.combinations(range(20), 2):
    neighbours = second - first in (1, 19)
    assert len(set(table[first]) & set(table[second])) == (5 if neighbours else 0)
  assert all(len({row.index(class_id) for row in table if class_id in row}) == 1 for class_id in range(100))


def test_forty_tasks():
  table = cifar100_tables.task_classes(40)
  assert table[:20] == cifar100_tables.task_classes(20)
  labels = [{row.index(class_id) for row in table if class_id in row} for class_id in range(100)]
  assert sum(len(found) > 1 for found in labels) == 50


def test_other_numbers_of_tasks_are_refused():
  with pytest.raises(ValueError, match="CIFAR100.num_tasks must be 10, 20 or 40, not 30"):
    cifar100_tables.task_classes(30)


def test_counts_per_task():
  expected = {2: 80, 4: 170, 6: 250, 8: 330, 10: 410, 20: 830, 25: 1040, 30: 1250, 40: 1670, 50: 2080, 60: 2500,
              70: 2920, 75: 3120, 80: 3330, 90: 3750, 100: 4170}
  assert {percent: counts[0] for percent, counts in cifar100_tables.COUNTS_PER_TASK.items()} == expected
  assert all(sum(counts) == 50 * percent for percent, counts in cifar100_tables.COUNTS_PER_TASK.items())


def test_class_names_are_alphabetical():
  names = list(cifar100_tables.CLASS_NAMES)
  assert len(names) == 100 and sorted(names) == names

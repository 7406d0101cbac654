"""Office-Home Incremental: classes arrive one by one, and no test image is ever trained on."""

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.data.stream import StreamContext
from lasem_tf.data.streams.office_home import OfficeHomeIncremental
from tests.data import office_home_raw


def _official(seed=0):
  return OfficeHomeIncremental(StreamContext(seed, design_only=True))


def test_counts_of_the_official_archive():
  assert _official().counts() == {"train": [116, 155, 183, 238, 263, 318], "validation": [18, 24, 28, 37, 41, 50],
                                  "test": [58, 77, 91, 118, 130, 157]}


def test_one_class_more_in_every_task():
  tasks = _official().tasks
  assert [task.num_classes for task in tasks] == [3, 4, 5, 6, 7, 8]
  assert tasks[-1].class_names == ("Couch", "Table", "Paper_Clip", "Clipboards", "Bucket", "Notebook", "Bed",
                                   "Trash_Can")
  assert tasks[-1].class_ids == (13, 58, 41, 11, 6, 38, 3, 62)
  assert all(tasks[-1].class_ids[:task.num_classes] == task.class_ids for task in tasks)


@pytest.mark.parametrize("seed", [0, 1])
def test_no_task_tests_on_what_any_task_trains_on(seed):
  stream = _official(seed)
  by_split = {split: [set(stream.source_indices(t, split).tolist()) for t in range(6)] for split in types.SPLITS}
  for train in by_split["train"]:
    for other in by_split["test"] + by_split["validation"]:
      assert not train & other
  assert all(small < large for small, large in zip(by_split["test"], by_split["test"][1:]))


def test_the_leaking_split_of_the_release_is_refused():
  with pytest.raises(ValueError, match="only 'clean' exists"):
    OfficeHomeIncremental(StreamContext(design_only=True), protocol="reference")


def test_loads(tmp_path):
  root = office_home_raw.write(tmp_path, side=4)
  stream = OfficeHomeIncremental(StreamContext(data_dirs=(str(root),)), images_per_class="any", image_size=4,
                                 data_name="squares")
  examples = stream.load(1, "train")
  assert stream.display_name == "squares (incremental)"
  assert np.bincount(examples.labels).tolist() == [6, 6, 6, 6]

"""Office-Home: constants, splits, images, bad input."""

import hashlib
import shutil

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.data.readers import image_cache
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams import office_home_classes
from lasem_tf.data.streams.office_home import OfficeHome, split_sizes
from tests.data import office_home_raw

_COUNTS = (10, 13, 11, 23)


@pytest.fixture(name="data", scope="module")
def _data(tmp_path_factory):
  folder = tmp_path_factory.mktemp("office_home")
  return office_home_raw.write(folder, lambda domain_id, class_id: _COUNTS[class_id % 4])


@pytest.fixture(name="open_stream")
def _open_stream(data, tmp_path_factory):
  cache_dir = tmp_path_factory.getbasetemp() / "office_home_cache"
  def open_stream(seed=0, design_seed=0, **bindings):
    context = StreamContext(seed, design_seed, (str(data),), str(cache_dir))
    return OfficeHome(context, **{"images_per_class": "any", "image_size": 8, **bindings})
  return open_stream


def _official(seed=0):
  return OfficeHome(StreamContext(seed, design_only=True))


def test_classes_stand_in_case_insensitive_order():
  names = office_home_classes.CLASS_NAMES
  assert len(names) == 65
  assert list(names) == sorted(names, key=str.lower)
  assert names[-2:] == ("TV", "Webcam")


def test_groups_are_those_of_the_release():
  groups = office_home_classes.GROUPS
  text = ";".join(",".join(map(str, row)) for row in groups)
  assert hashlib.sha256(text.encode()).hexdigest()[:16] == "5401978001566e24"
  assert [sum(row) for row in groups] == [488, 426, 358, 405, 403]
  assert sorted(class_id for row in groups for class_id in row) == list(range(65))


def test_official_counts():
  product, real_world = (office_home_classes.OFFICIAL_COUNTS[domain] for domain in ("Product", "RealWorld"))
  assert (sum(product), sum(real_world)) == (4439, 4357)
  assert min(zip(product, office_home_classes.CLASS_NAMES)) == (38, "Postit_Notes")
  assert min(zip(real_world, office_home_classes.CLASS_NAMES)) == (23, "Marker")


@pytest.mark.parametrize("num_images, expected", [(10, (6, 1, 3)), (13, (7, 1, 3)), (23, (13, 2, 6)), (38, (22, 3, 11)),
                                                  (99, (59, 9, 29))])
def test_split_sizes(num_images, expected):
  assert tuple(split_sizes(num_images)[split] for split in types.SPLITS) == expected


def test_tasks_are_five_groups_in_two_domains():
  tasks = _official().tasks
  assert len(tasks) == 10
  for first, second in zip(tasks[:5], tasks[5:]):
    assert first.class_ids == second.class_ids == office_home_classes.GROUPS[first.task_id]
    assert (first.details["domain"], second.details["domain"]) == ("Product", "RealWorld")
    assert first.num_classes == 13 and first.class_names[0] == office_home_classes.CLASS_NAMES[first.class_ids[0]]


def test_counts_of_the_official_archive():
  counts = _official().counts()
  assert counts["train"] == [536, 587, 504, 527, 481, 562, 514, 502, 533, 475]
  assert counts["validation"] == [83, 93, 78, 81, 77, 89, 82, 80, 82, 73]
  assert counts["test"] == [264, 291, 249, 259, 238, 278, 253, 248, 263, 234]
  assert [sum(counts[split]) for split in types.SPLITS] == [5221, 818, 2577]
  assert [n // 16 for n in counts["train"]] == [33, 36, 31, 32, 30, 35, 32, 31, 33, 29]
  # What remains of evaluation where the last incomplete batch is dropped, as the first release does.
  assert [n // 16 * 16 for n in counts["validation"]] == [80, 80, 64, 80, 64, 80, 80, 80, 80, 64]
  assert [n // 16 * 16 for n in counts["test"]] == [256, 288, 240, 256, 224, 272, 240, 240, 256, 224]


def test_without_data_there_are_no_images():
  with pytest.raises(DataError, match="design only"):
    _official().load(0, "train")


def test_form_of_the_arrays(open_stream):
  stream = open_stream()
  for task_id in (0, 7):
    for split in types.SPLITS:
      examples = stream.load(task_id, split)
      assert examples.images.shape == (len(examples), 8, 8, 3) and examples.images.dtype == np.float32
      assert examples.labels.dtype == np.int32 and examples.indices.dtype == np.int64
      assert set(examples.labels.tolist()) == set(range(13))
      np.testing.assert_array_equal(examples.indices, stream.source_indices(task_id, split))
      assert len(examples) == stream.counts()[split][task_id]


def test_every_image_is_the_one_that_its_index_and_label_say(open_stream):
  stream = open_stream(seed=3)
  for task_id in (2, 9):
    examples = stream.load(task_id, "test")
    for image, label, index in zip(examples.images, examples.labels, examples.indices):
      class_of_domain, number = divmod(int(index), 100_000)
      domain_id, class_id = divmod(class_of_domain, 65)
      assert domain_id == task_id // 5 and class_id == stream.tasks[task_id].class_ids[label]
      expected = np.array(office_home_raw.color(domain_id, class_id, number)) / 255
      np.testing.assert_allclose(image, np.broadcast_to(expected, image.shape), atol=3 / 255)


def test_images_have_the_size_of_the_papers_and_lie_in_the_unit_interval(open_stream):
  assert _official().image_shape == (128, 128, 3)
  examples = open_stream().load(0, "validation")
  assert examples.images.min() >= 0 and examples.images.max() <= 1


def test_splits_are_disjoint_and_no_image_is_in_two_tasks(open_stream):
  stream = open_stream()
  seen = np.concatenate([stream.source_indices(t, split) for t in range(10) for split in types.SPLITS])
  assert len(seen) == len(set(seen.tolist())) == sum(map(sum, stream.counts().values()))


def test_trials_redraw_all_splits_and_repeat_themselves(open_stream):
  first, again, other = open_stream(0), open_stream(0), open_stream(1)
  for split in types.SPLITS:
    np.testing.assert_array_equal(first.source_indices(4, split), again.source_indices(4, split))
    assert set(first.source_indices(4, split).tolist()) != set(other.source_indices(4, split).tolist())
  np.testing.assert_array_equal(first.load(4, "train").images, again.load(4, "train").images)
  assert set(open_stream(0, design_seed=1).source_indices(4, "test").tolist()) != set(
      first.source_indices(4, "test").tolist())


def test_stored_order_mixes_the_classes(open_stream):
  labels = open_stream().load(0, "train").labels
  assert np.count_nonzero(np.diff(labels)) > 40 and not np.all(np.diff(labels) >= 0)


def test_fingerprints(open_stream):
  first, again, other = open_stream(0), open_stream(0), open_stream(1)
  assert first.design_fingerprint == again.design_fingerprint == other.design_fingerprint
  assert first.data_fingerprint == again.data_fingerprint != other.data_fingerprint
  assert open_stream(protocol="reference").design_fingerprint != first.design_fingerprint


def test_the_data_fingerprint_notices_altered_pixels(tmp_path):
  office_home_raw.write(tmp_path, side=4)
  context = StreamContext(data_dirs=(str(tmp_path),))
  bindings = {"images_per_class": "any", "image_size": 4}
  before = OfficeHome(context, **bindings)
  fingerprints = before.design_fingerprint, before.data_fingerprint
  used = office_home_raw.path_of(tmp_path, before.source_indices(0, "train")[0])
  shutil.copy(used.parent.parent / "Mug" / "00001.jpg", used)
  after = OfficeHome(context, **bindings)
  assert after.design_fingerprint == fingerprints[0] and after.data_fingerprint != fingerprints[1]


def test_both_names_of_the_second_domain_and_stray_files_are_accepted(open_stream, data, tmp_path):
  root = office_home_raw.write(tmp_path, lambda domain_id, class_id: _COUNTS[class_id % 4], real_world="RealWorld")
  for name in ("Thumbs.db", "00001.png", "1.jpg", "000001.jpg", "copy of 00001.jpg"):
    (root / "OfficeHomeDataset" / "Product" / "TV" / name).write_bytes(b"stray")
  (root / "OfficeHomeDataset" / "Product" / "Zebra").mkdir()
  renamed = OfficeHome(StreamContext(data_dirs=(str(root),)), images_per_class="any", image_size=8)
  assert renamed.data_fingerprint == open_stream().data_fingerprint


def test_display_name(open_stream):
  assert open_stream().display_name.endswith(", unofficial data in Office-Home format")
  assert open_stream(data_name="coloured squares").display_name == "coloured squares"
  assert _official().display_name == "Office-Home"
  with pytest.raises(ValueError, match="data_name"):
    open_stream(data_name="Office Home")


def test_prepare_caches_all_trials(open_stream):
  stream = open_stream(image_size=5)
  total = sum(_COUNTS[class_id % 4] for class_id in range(65)) * 2
  assert stream.prepare() == image_cache.CacheReport(reused=0, built=total, repaired=0)
  assert open_stream(seed=1, image_size=5).prepare() == image_cache.CacheReport(reused=total, built=0, repaired=0)


def test_missing_data_name_the_place():
  with pytest.raises(DataError, match="--data_dir"):
    OfficeHome(StreamContext())
  with pytest.raises(DataError, match="unpack it to /nowhere/OfficeHomeDataset"):
    OfficeHome(StreamContext(data_dirs=("/nowhere",)))


def test_counts_are_strict_unless_told_otherwise(open_stream):
  message = "Product/Alarm_Clock: 10 images, 79 expected.*OfficeHome.images_per_class = 'any'"
  with pytest.raises(DataError, match=message):
    open_stream(images_per_class="official")


def test_missing_class_folders_are_named(tmp_path):
  root = office_home_raw.write(tmp_path, side=4)
  shutil.rmtree(root / "OfficeHomeDataset" / "Real World" / "Marker")
  with pytest.raises(DataError, match="Real World lacks 1 of the 65 class folders: Marker"):
    OfficeHome(StreamContext(data_dirs=(str(root),)), images_per_class="any")
  shutil.rmtree(root / "OfficeHomeDataset" / "Real World")
  with pytest.raises(DataError, match="holds no folder RealWorld or Real World"):
    OfficeHome(StreamContext(data_dirs=(str(root),)), images_per_class="any")


def test_two_folders_for_one_domain_are_refused(tmp_path):
  root = office_home_raw.write(tmp_path, side=4)
  (root / "OfficeHomeDataset" / "RealWorld").mkdir()
  with pytest.raises(DataError, match="both claim"):
    OfficeHome(StreamContext(data_dirs=(str(root),)), images_per_class="any")


def test_a_class_too_small_to_split_is_named(tmp_path):
  root = office_home_raw.write(tmp_path, lambda domain_id, class_id: 9 if class_id == 63 else 10, side=4)
  with pytest.raises(DataError, match="Product/TV holds 9 images.*at least 10"):
    OfficeHome(StreamContext(data_dirs=(str(root),)), images_per_class="any")


@pytest.mark.parametrize("bindings, message", [
    ({"protocol": "new"}, "protocol"), ({"images_per_class": 10}, "images_per_class"),
    ({"image_size": 0}, "image_size"),
])
def test_bad_bindings_are_named(open_stream, bindings, message):
  with pytest.raises(ValueError, match=message):
    open_stream(**bindings)

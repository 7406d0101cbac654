"""STL-10: counts, pixels, noise, permutations, fingerprints, bad input."""

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams import stl10, stl10_design
from lasem_tf.data.streams.stl10 import STL10
from tests.data import stl10_raw


def _pixels(split, number):
  """Grey in the middle of the range, with a corner that names the image."""
  image = np.full((96, 96, 3), 128, np.uint8)
  image[0, 0] = number, 10 * number % 256, 200 if split == "train" else 50
  return image


@pytest.fixture(name="grey", scope="module")
def _grey(tmp_path_factory):
  return str(stl10_raw.write(tmp_path_factory.mktemp("grey"), 8, 2, _pixels))


@pytest.fixture(name="sparse", scope="module")
def _sparse(tmp_path_factory):
  return str(stl10_raw.write(tmp_path_factory.mktemp("sparse"), 500, 800))


def _open(data_dir, seed=0, design_seed=0, **bindings):
  return STL10(StreamContext(seed, design_seed, (data_dir,)), **{"images_per_class": "any", "percent": 100, **bindings})


def _task(stream, condition):
  return next(task_id for task_id, design in enumerate(stream.design) if condition(design))


def test_twenty_tasks_have_the_counts_of_the_paper():
  stream = STL10(StreamContext(design_only=True))
  assert stream.name == "stl10_20" and stream.display_name == "STL-10" and stream.num_tasks == 20
  assert stream.counts() == {"train": [318] * 20, "validation": [57] * 20, "test": [2400] * 20}
  assert all(task.num_classes == 3 for task in stream.tasks)
  assert 318 // 10 == 31 and [n // 10 * 10 for n in (318, 57, 2400)] == [310, 50, 2400]


def test_fifteen_tasks_have_the_counts_of_the_release():
  stream = STL10(StreamContext(design_only=True), 15, 5, 10, 50)
  assert stream.name == "stl10_15" and stream.display_name == "STL-10 (15 tasks)"
  assert stream.counts() == {"train": [125] * 15, "validation": [125] * 15, "test": [4000] * 15}


def test_the_first_tasks_keep_their_pixels(grey):
  whole, cut = _open(grey), _open(grey)
  cut.keep_first(3)
  assert cut.name == "stl10_20" and cut.tasks == whole.tasks[:3] != _open(grey, num_tasks=3).tasks
  for task, split in ((0, "train"), (2, "test")):
    np.testing.assert_array_equal(cut.load(task, split).images, whole.load(task, split).images)


def test_arrays_of_official_size(sparse):
  stream = _open(sparse, percent=25, images_per_class=(500, 800))
  for split, per_class in (("train", 106), ("validation", 19)):
    examples = stream.load(0, split)
    assert examples.images.shape == (3 * per_class, 96, 96, 3) and examples.images.dtype == np.float32
    assert examples.labels.dtype == np.int32 and examples.indices.dtype == np.int64
    # Stored class after class; the release evaluates only full batches, which leaves out seven of the last class.
    np.testing.assert_array_equal(examples.labels, np.repeat([0, 1, 2], per_class))
  assert np.bincount(examples.labels[:50]).tolist() == [19, 19, 12]
  assert len(stream.source_indices(0, "test")) == 2400


def test_files_of_official_size_but_other_content_are_not_official(sparse):
  with pytest.raises(DataError, match="MD5.*STL10.images_per_class = 'any'"):
    _open(sparse, percent=25, images_per_class="official")
  assert _open(sparse).display_name.endswith(", unofficial data in STL-10 format")
  assert _open(sparse, data_name="zeros").display_name == "zeros"
  with pytest.raises(ValueError, match="not the official"):
    _open(sparse, data_name="STL10")


def test_every_image_is_the_one_that_its_index_and_label_say(grey):
  stream = _open(grey)
  task_id = _task(stream, lambda design: not design.has_noise)
  for split in types.SPLITS:
    examples = stream.load(task_id, split)
    np.testing.assert_array_equal(examples.indices, stream.source_indices(task_id, split))
    for image, label, index in zip(examples.images, examples.labels, examples.indices):
      source = "test" if split == "test" else "train"
      assert stl10_raw.labels(8)[index] - 1 == stream.tasks[task_id].class_ids[label]
      expected = _pixels(source, index).astype(np.float32)[..., list(stream.design[task_id].channels)] / 255 - 0.5
      np.testing.assert_allclose(image, expected, atol=1e-6)


def test_splits_are_disjoint_and_tests_do_not_depend_on_the_trial(grey):
  first, other = _open(grey, 0), _open(grey, 1)
  for task_id in range(20):
    train, validation = (first.source_indices(task_id, split).tolist() for split in ("train", "validation"))
    assert not set(train) & set(validation) and len(set(train)) == len(train)
    np.testing.assert_array_equal(first.source_indices(task_id, "test"), other.source_indices(task_id, "test"))
  assert any(set(first.source_indices(t, "train")) != set(other.source_indices(t, "train")) for t in range(20))


def test_scaling():
  images = np.zeros((1, 2, 2, 3), np.uint8)
  images[0, 0] = 255
  scaled = stl10.transform(images, stl10_design.TaskDesign((0, 1, 2)), [])
  assert scaled.dtype == np.float32
  assert (scaled[0, 0] == 0.5).all() and (scaled[0, 1] == -0.5).all()


@pytest.mark.parametrize("mean", [-0.05, -0.025, 0.025])
def test_a_pure_shift_is_clipped_before_channels_are_permuted(mean):
  images = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), np.uint8)
  task = stl10_design.TaskDesign((0, 1, 2), mean, 0.0, (2, 0, 1))
  expected = np.clip(images / 255 - 0.5 + mean, -0.5, 0.5)[..., [2, 0, 1]]
  np.testing.assert_allclose(stl10.transform(images, task, []), expected, atol=1e-6)


def test_output_channel_i_is_input_channel_p_of_i():
  images = np.broadcast_to(np.uint8([0, 51, 255]), (1, 2, 2, 3))
  moved = stl10.transform(images, stl10_design.TaskDesign((0, 1, 2), channels=(1, 2, 0)), [])
  np.testing.assert_allclose(moved[0, 0, 0], [-0.3, 0.5, -0.5], atol=1e-6)


def test_noise_has_the_mean_and_the_standard_deviation_of_its_task(grey):
  stream = _open(grey)
  task_id = _task(stream, lambda design: design.noise_mean and design.noise_deviation)
  for split in types.SPLITS:
    examples = stream.load(task_id, split)
    noise = (examples.images - (128 / 255 - 0.5))[:, 1:]
    assert abs(noise.mean() - stream.design[task_id].noise_mean) < 1e-3
    assert abs(noise.std() - 0.025) < 1e-3
    assert examples.images.min() >= -0.5 and examples.images.max() <= 0.5


def test_noise_is_fixed_per_image_and_differs_between_images_tasks_and_trials(grey):
  first, again, other = _open(grey, 0), _open(grey, 0), _open(grey, 1)
  noisy = [t for t, design in enumerate(first.design) if design.noise_deviation]
  images = first.load(noisy[0], "test").images
  np.testing.assert_array_equal(images, again.load(noisy[0], "test").images)
  np.testing.assert_array_equal(images, first.load(noisy[0], "test").images)
  assert np.abs(images - other.load(noisy[0], "test").images).max() > 0.01
  centred = (images - images.mean())[:, 1:].reshape(len(images), -1)
  assert np.abs(np.corrcoef(centred) - np.eye(len(images))).max() < 0.05


def test_noise_of_one_image_does_not_depend_on_which_others_are_loaded(grey):
  few, many = _open(grey, validation_percent=50), _open(grey)
  task_id = _task(few, lambda design: design.noise_deviation)
  fewer, more = few.load(task_id, "train"), many.load(task_id, "train")
  common, positions, other_positions = np.intersect1d(fewer.indices, more.indices, return_indices=True)
  assert len(common) > 3
  np.testing.assert_array_equal(fewer.images[positions], more.images[other_positions])


def test_fingerprints(grey, tmp_path):
  first, again, other = _open(grey, 0), _open(grey, 0), _open(grey, 1)
  assert first.data_fingerprint == again.data_fingerprint != other.data_fingerprint
  assert first.design_fingerprint == other.design_fingerprint != _open(grey, 0, 1).design_fingerprint

  def altered(split, number):
    image = _pixels(split, number)
    image[95, 95, 1] ^= number == 3 and split == "train"
    return image

  changed = _open(str(stl10_raw.write(tmp_path, 8, 2, altered)))
  assert changed.design_fingerprint == first.design_fingerprint and changed.data_fingerprint != first.data_fingerprint


def test_without_data_there_are_no_images():
  with pytest.raises(DataError, match="design only"):
    STL10(StreamContext(design_only=True)).load(0, "train")


def test_wrong_counts_are_named(grey):
  with pytest.raises(DataError, match="class 0 has 8 instead of 500.*STL10.images_per_class = 'any'"):
    _open(grey, images_per_class="official")
  with pytest.raises(DataError, match="class 0 has 8 instead of 9"):
    _open(grey, images_per_class=(9, 2))


def test_a_split_left_empty_is_refused(grey):
  with pytest.raises(DataError, match="class 0 has 8 training and 2 test images; 10 % of the former"):
    _open(grey, percent=10)


@pytest.mark.parametrize("bindings, message", [
    ({"partition": "none"}, "STL10.partition"), ({"design": "drawn"}, "STL10.design"),
    ({"source": "web"}, "STL10.source"),
    ({"percent": 0}, "STL10.percent"), ({"validation_percent": 100}, "STL10.validation_percent"),
    ({"images_per_class": "all"}, "STL10.images_per_class"), ({"protocol": "old"}, "protocol"),
    ({"num_tasks": 121}, "no 121 different sets"), ({"design": "files", "source": "tfds"}, "one or the other"),
])
def test_bad_bindings_are_named(grey, bindings, message):
  with pytest.raises(ValueError, match=message):
    _open(grey, **bindings)

"""The rule that prepares a new image: the same numbers as training saw, stored and read again without loss."""

import json

import numpy as np
import pytest
from PIL import Image

from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.data.readers import prepared_images
from lasem_tf.data.stream import StreamContext
from lasem_tf.data.streams import cifar100, mnist_and_cifar10, office_home, stl10, synthetic
from tests.data import office_home_raw, raw_files, stl10_raw

_ONE_TASK = 3


def _noise(split, number):
  return np.random.default_rng((number, split == "test")).integers(0, 256, (96, 96, 3), np.uint8)


def _saved(folder, pixels):
  path = folder / "image.png"
  Image.fromarray(pixels.squeeze()).save(path)
  return path


def _check(stream, path_of, split="test", task_id=_ONE_TASK):
  """An image of a split, prepared from its file as if it were new, is what the stream gives the learner."""
  rule = stream.preprocessing(task_id)
  rule = preprocessing_lib.Preprocessing.from_json(json.loads(json.dumps(rule.to_json())))
  assert rule == stream.preprocessing(task_id)
  loaded = stream.load(task_id, split)
  for row in (0, len(loaded) - 1):
    prepared = prepared_images.read(path_of(loaded.indices[row]), rule)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, loaded.images[row], rtol=3e-7, atol=3e-7)


def test_cifar_and_mnist(tmp_path):
  raw_files.write_cifar100(tmp_path, 108, 2)
  context = StreamContext(data_dirs=(str(tmp_path),))
  stream = cifar100.CIFAR100(context, images_per_class="any")
  _check(stream, lambda index: _saved(tmp_path, stream.source.images["test"][index]))
  raw_files.write_mnist(tmp_path, np.tile(np.arange(10), 60), np.tile(np.arange(10), 10))
  digits = mnist_and_cifar10.MNISTBinary(context, images_per_class="any", validation_pool=200,
                                         images_per_task=(20, 10, 10))
  _check(digits, lambda index: _saved(tmp_path, digits.source.images["test"][index]))


def test_stl10(tmp_path):
  stl10_raw.write(tmp_path, 20, 3, _noise)
  stream = stl10.STL10(StreamContext(data_dirs=(str(tmp_path),)), images_per_class="any")
  clean = next(task for task, design in enumerate(stream.design)
               if not design.has_noise and design.channels != (0, 1, 2))
  images = stream._source.images["test"]
  _check(stream, lambda index: _saved(tmp_path, images[index]), task_id=clean)
  noisy = next(task for task, design in enumerate(stream.design) if design.noise_deviation and design.noise_mean)
  rule = stream.preprocessing(noisy)
  prepared = prepared_images.read(_saved(tmp_path, images[0]), rule)
  expected = np.clip(images[0] / 255 - 0.5 + stream.design[noisy].noise_mean, -0.5, 0.5)
  np.testing.assert_allclose(prepared, expected[..., list(stream.design[noisy].channels)], atol=1e-6)


def test_office_home(tmp_path):
  office_home_raw.write(tmp_path, side=20)
  stream = office_home.OfficeHome(StreamContext(data_dirs=(str(tmp_path),), cache_dir=str(tmp_path)),
                                  images_per_class="any", image_size=12)
  _check(stream, lambda index: office_home_raw.path_of(tmp_path, index))


def test_a_stream_without_files_tells_no_rule():
  assert synthetic.Synthetic(StreamContext()).preprocessing(0) is None


def _gradient(height, width):
  """uint8 `[height, width, 3]`: red is the row, green the column, in steps of two."""
  rows, columns = np.mgrid[:height, :width].astype(np.uint8) * 2
  return np.stack([rows, columns, np.full_like(rows, 40)], axis=-1)


@pytest.mark.parametrize("fit, rows, columns", [("stretch", (0, 60), (0, 100)), ("crop", (0, 60), (20, 80))])
def test_fit_decides_which_part_is_seen(tmp_path, fit, rows, columns):
  image = prepared_images.read(_saved(tmp_path, _gradient(60, 100)), preprocessing_lib.Preprocessing((6, 6, 3), fit))
  for channel, (start, end) in enumerate((rows, columns)):
    seen = image[..., channel].mean(axis=1 - channel) * 255 / 2
    middles = start + (np.arange(6) + 0.5) * (end - start) / 6 - 0.5
    np.testing.assert_allclose(seen[1:-1], middles[1:-1], atol=0.6)  # borders are mirrored


def test_padding_keeps_the_whole_image_and_the_aspect_ratio(tmp_path):
  path = _saved(tmp_path, np.full((40, 80, 3), 255, np.uint8))
  image = prepared_images.read(path, preprocessing_lib.Preprocessing((8, 8, 3), "pad"))
  np.testing.assert_allclose(image[2:6], 1, atol=1e-6)
  assert not image[:2].any() and not image[6:].any()


def test_exif_is_obeyed_unless_the_rule_says_otherwise(tmp_path):
  path = tmp_path / "turned.jpg"
  exif = Image.Exif()
  exif[0x0112] = 6  # to be turned by 90 degrees clockwise
  Image.fromarray(_gradient(16, 16)).save(path, exif=exif, quality=100, subsampling=0)
  stored = prepared_images.read(path, preprocessing_lib.Preprocessing((16, 16, 3), oriented=False))
  turned = prepared_images.read(path, preprocessing_lib.Preprocessing((16, 16, 3)))
  np.testing.assert_array_equal(turned, np.rot90(stored, -1))
  assert np.abs(turned - stored).max() > 0.05


def test_pixels_are_moved_alike_in_all_images():
  images = np.random.default_rng(0).random((2, 4, 4, 3)).astype(np.float32)
  turned = preprocessing_lib.Preprocessing((4, 4, 3), rotation=90).normalize(images)
  np.testing.assert_array_equal(turned, np.rot90(images, 1, axes=(1, 2)))
  rule = preprocessing_lib.Preprocessing((4, 4, 3), permutation_seed=7)
  permuted = rule.normalize(images)
  order = rule.pixel_order()
  assert sorted(order) == list(range(16)) and order.tolist() != list(range(16))
  np.testing.assert_array_equal(permuted.reshape(2, 16, 3), images.reshape(2, 16, 3)[:, order])


@pytest.mark.parametrize("wrong", [{"fit": "squeeze"}, {"rotation": 45}, {"mean": (0.5,)},
                                   {"rotation": 90, "image_shape": (4, 5, 3)}])
def test_impossible_rules_are_refused(wrong):
  with pytest.raises(ValueError, match="Preprocessing"):
    preprocessing_lib.Preprocessing(**{"image_shape": (4, 4, 3), **wrong})

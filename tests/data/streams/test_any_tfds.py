"""Any TFDS data set as a stream: tasks, splits, pixels, and bad input, on data sets that are generated and stored."""

import logging

import numpy as np
import pytest
from PIL import Image

from lasem_tf import types
from lasem_tf.data import sources, stream_checks
from lasem_tf.data.readers import image_decoding, prepared_images
from lasem_tf.data.stream import CachesImages, DataError, StreamContext
from lasem_tf.data.streams.any_tfds import TFDSStream
from tests.data import photographs

_NAMES = photographs.CLASSES[:4]


def _images(first, per_class, size=None):
  """Images and labels, classes mixed; of odd sizes unless one is given."""
  labels = np.tile(np.arange(4), per_class)
  return [photographs.photograph(label, first + number, size or (10 + number % 5, 12 + number % 3))
          for number, label in enumerate(labels)], labels


@pytest.fixture(name="root", scope="module")
def _root(tmp_path_factory):
  from tests.data import tfds_files  # TFDS takes seconds to import

  root = tmp_path_factory.mktemp("any_tfds")
  tfds_files.store(root, "photos", {"train": _images(0, 14), "test": _images(100, 3)}, _NAMES)
  grey = [(np.stack(images)[..., :1], labels) for images, labels in (_images(0, 10, (9, 9)),)]
  tfds_files.store(root, "digits", {"complete": grey[0]}, _NAMES, ("picture", "digit"))
  tfds_files.store(root / "animals", "small", {"train": _images(0, 10), "test": _images(50, 2)}, _NAMES)
  alone = [image for image, label in zip(*_images(0, 4)) if label == 0]
  tfds_files.store(root, "alone", {"train": (alone, np.zeros(4, int)), "test": (alone, np.zeros(4, int))}, _NAMES[:1])
  return root


def _make(root, dataset="photos", seed=0, **bindings):
  return TFDSStream(StreamContext(seed, data_dirs=(str(root),)), dataset,
                    **{"num_tasks": 2, "image_size": 8, **bindings})


def test_tasks_splits_and_pixels(root, tmp_path):
  stream = _make(root)
  assert [task.class_names for task in stream.tasks] == [_NAMES[:2], _NAMES[2:]] and stream.display_name == "photos"
  assert stream.counts() == {"train": [24, 24], "validation": [4, 4], "test": [6, 6]}
  assert not stream_checks.problems(stream, lambda: _make(root))
  other = _make(root, seed=1)
  assert stream.design_fingerprint == other.design_fingerprint and stream.data_fingerprint != other.data_fingerprint
  assert {*stream.source_indices(1, "test")} == {*other.source_indices(1, "test")}
  label_of = {image.tobytes(): label for image, label in zip(*_images(0, 14))}
  loaded = stream.load(1, "train")
  # TFDS has an order of its own.
  images = [image_decoding.decode_rgb("stored", stream._encoded[index]) for index in loaded.indices]
  assert [label_of[image.tobytes()] for image in images] == [label + 2 for label in loaded.labels]
  path = tmp_path / "one.png"
  Image.fromarray(images[3]).save(path)
  np.testing.assert_array_equal(prepared_images.read(path, stream.preprocessing(1)), loaded.images[3])


def test_grey_images_with_other_names_and_without_a_test_split(root):
  bindings = {"image_key": "picture", "label_key": "digit", "train_split": "complete", "test_split": "",
              "num_channels": 1}
  stream = _make(root, "digits", **bindings)
  assert stream.counts() == {"train": [12, 12], "validation": [2, 2], "test": [6, 6]}
  assert stream.load(0, "test").images.shape == (6, 8, 8, 1)
  cut = _make(root, "digits", **bindings)
  cut.keep_first(1, "experiment.first_tasks")  # `num_tasks = 1` would put all classes into one task.
  assert cut.tasks == stream.tasks[:1] and cut.protocol["of_tasks"] == 2 and len(cut._encoded) == 20
  for split in ("train", "validation", "test"):
    for found, expected in zip(*(vars(each.load(0, split)).values() for each in (cut, stream))):
      np.testing.assert_array_equal(found, expected)
  limited = _make(root, "digits", images_per_class=(4, 3, 2), **bindings)
  assert limited.counts() == {"train": [8, 8], "validation": [6, 6], "test": [4, 4]}
  assert not stream_checks.problems(limited, lambda: _make(root, "digits", images_per_class=(4, 3, 2), **bindings))


def test_permuted_pixels_and_limits(root):
  stream = _make(root, num_tasks=1, num_permutations=3, images_per_class=(5, 2, 3))
  assert stream.counts() == {"train": [20] * 3, "validation": [8] * 3, "test": [12] * 3}
  first, second = (stream.load(task, "test") for task in (0, 1))
  first, second = (split.images[np.argsort(split.indices)].reshape(12, 64, 3) for split in (first, second))
  np.testing.assert_array_equal(second, first[:, stream.preprocessing(1).pixel_order()])


def test_each_image_is_decoded_once_for_all_trials(root, tmp_path, monkeypatch):
  decoded, resized = [], prepared_images.resized
  monkeypatch.setattr(prepared_images, "resized", lambda path, *rest: decoded.append(path) or resized(path, *rest))

  def load_all(seed):
    stream = TFDSStream(StreamContext(seed, data_dirs=(str(root),), cache_dir=str(tmp_path)), "photos", num_tasks=2,
                        image_size=8)
    assert isinstance(stream, CachesImages) and stream.cache_directory.is_relative_to(tmp_path)
    return stream, [stream.load(task, split) for task in range(2) for split in types.SPLITS]

  stream, first = load_all(0)
  assert len(decoded) == len(set(decoded)) == 4 * 17
  _, again = load_all(0)
  load_all(1)
  assert len(decoded) == 4 * 17
  for one, other in zip(first, again):
    np.testing.assert_array_equal(one.images, other.images)
  assert stream.prepare().reused == len(stream.all_image_files()) == 4 * 17


def test_the_cache_lies_beside_the_data_set(root):
  for name in ("photos", "animals/small"):
    assert _make(root, name).cache_directory.parent == root / "lasem_image_cache"


def test_a_configuration_of_a_data_set(root):
  stream = _make(root, "animals/small")
  assert (stream.name, stream.display_name) == ("tfds_animals_small", "animals/small")
  assert stream.counts() == {"train": [18, 18], "validation": [2, 2], "test": [4, 4]}


def test_rotations_and_classes_in_two_tasks(root, caplog):
  turned = _make(root, num_tasks=1, rotations=(0, 180))
  plain, half = (turned.load(task, "test") for task in (0, 1))
  plain, half = (split.images[np.argsort(split.indices)] for split in (plain, half))
  np.testing.assert_allclose(half, plain[:, ::-1, ::-1], atol=1e-5)
  sources.warn_once.cache_clear()
  with caplog.at_level(logging.WARNING):
    stream = _make(root, num_tasks=None, tasks=(("dog", "ant"), ("ant", "bee", "cow")))
  assert "1 of 4 labels occur in several tasks, such as 'ant' in tasks 0, 1" in caplog.text
  assert [task.class_names for task in stream.tasks] == [("dog", "ant"), ("ant", "bee", "cow")]
  train, test = ({*stream.source_indices(task, split)} for task, split in ((0, "train"), (1, "validation")))
  assert not train & test
  assert not stream_checks.problems(stream, lambda: _make(root, num_tasks=None, tasks=(("dog", "ant"),
                                                                                       ("ant", "bee", "cow"))))


def test_a_download_that_was_asked_for_is_read(tmp_path, monkeypatch):
  import tensorflow_datasets as tfds

  from tests.data import tfds_files

  class Builder:
    """Prepares what is stored, in the place of the network."""

    def __init__(self, name, data_dir):
      self.name, self.data_dir = name, tmp_path / "data" / name / "1.0.0"
      assert data_dir == str(tmp_path / "data")

    def download_and_prepare(self):
      tfds_files.store(tmp_path / "data", self.name, {"train": _images(0, 14), "test": _images(100, 3)}, _NAMES)

  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
  monkeypatch.setattr(tfds, "builder", Builder)
  context = StreamContext(data_dirs=(str(tmp_path / "data"),), download=True)
  stream = TFDSStream(context, "fetched", num_tasks=2, image_size=8)
  assert stream.counts()["test"] == [6, 6] and stream.load(0, "test").images.shape == (6, 8, 8, 3)
  monkeypatch.setattr(tfds, "builder", None)  # It is not asked for again.
  assert TFDSStream(context, "fetched", num_tasks=2, image_size=8).data_fingerprint == stream.data_fingerprint


def test_nothing_is_downloaded_unasked(tmp_path, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
  with pytest.raises(DataError, match=r"'cifar10' is not prepared in .* Run again with --download"):
    _make(tmp_path, "cifar10")


@pytest.mark.parametrize("bindings, message", [
    ({"dataset": "alone", "num_tasks": 1}, "alone/1.0.0 holds one class only, 'ant': .* Add a second class"),
    ({"num_tasks": None, "tasks": (("ant", "yak"),)}, "holds no class 'yak', which TFDSStream.tasks puts into task 0"),
    ({"rotations": (45,)}, "TFDSStream.rotations must be different ones of"),
    ({"dataset": "../photos"}, "TFDSStream.dataset must be a name"),
    ({"test_split": "validation"}, "has no split 'validation'; it has .*train.* Bind TFDSStream.train_split"),
    ({"image_key": "picture"}, "has no feature 'picture'; it has .*image.* Bind TFDSStream.image_key"),
    ({"label_key": "image"}, "feature 'image' names no classes"),
    ({"images_per_class": (1, 2)}, "TFDSStream.images_per_class must be three"),
    ({"images_per_class": (10, 5, 1)}, "class 'ant' has 9 images for train, but 10 are needed"),
    ({"num_tasks": None}, "bind TFDSStream.num_tasks, TFDSStream.classes_per_task or TFDSStream.tasks"),
    ({"normalization": "all"}, "TFDSStream.normalization"), ({"num_channels": 2}, "TFDSStream.num_channels")])
def test_bad_bindings_are_refused_in_one_line(root, bindings, message):
  with pytest.raises(ValueError, match=message) as error:
    _make(root, **bindings)
  assert "\n" not in str(error.value)


def test_what_alters_images_alters_the_design_fingerprint(root):
  fingerprints = {_make(root, **bindings).design_fingerprint for bindings in (
      {}, {"images_per_class": (5, 2, 3)}, {"fit": "pad"}, {"rotations": (90, 0)}, {"image_size": 9})}
  assert len(fingerprints) == 5

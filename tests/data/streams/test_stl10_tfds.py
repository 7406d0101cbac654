"""STL-10 from TensorFlow Datasets: the same classes and counts as from the binaries, under a fingerprint of its own."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from lasem_tf import types
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams.stl10 import STL10
from tests.data import stl10_raw

pytestmark = pytest.mark.filterwarnings("ignore")  # of TensorFlow Datasets itself

_BINDINGS = {"num_tasks": 4, "percent": 100, "images_per_class": (4, 2)}


def _pixels(split, number):
  return np.full((96, 96, 3), 5 * number + (split == "test"), np.uint8)


@pytest.fixture(name="folders", scope="module")
def _folders(tmp_path_factory):
  """The same images as binaries, and as a TFDS data set that stores them in another order and without an id."""
  raw = stl10_raw.write(tmp_path_factory.mktemp("raw"), 4, 2, _pixels)
  stored = tmp_path_factory.mktemp("stored")
  features = tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(96, 96, 3), encoding_format="png"),
                                         "label": tfds.features.ClassLabel(num_classes=10)})
  splits = {}
  for split, per_class in (("train", 4), ("test", 2)):
    labels = stl10_raw.labels(per_class).astype(np.int64) - 1
    order = np.random.default_rng(0).permutation(len(labels))
    images = np.stack([_pixels(split, number) for number in order])
    splits[split] = tf.data.Dataset.from_tensor_slices({"image": images, "label": labels[order]})
  tfds.dataset_builders.store_as_tfds_dataset("stl10", version="1.0.0", features=features, split_datasets=splits,
                                              data_dir=str(stored), disable_shuffling=True)
  return str(raw), str(stored)


def test_same_classes_and_counts_under_another_fingerprint(folders):
  raw, stored = (STL10(StreamContext(data_dirs=(folder,)), source=source, **_BINDINGS)
                 for folder, source in zip(folders, ("raw", "tfds")))
  assert raw.tasks == stored.tasks and raw.counts() == stored.counts()
  assert raw.design_fingerprint == stored.design_fingerprint
  assert raw.data_fingerprint != stored.data_fingerprint
  for split in types.SPLITS:
    examples = stored.load(1, split)
    np.testing.assert_array_equal(examples.labels, raw.load(1, split).labels)
    labels = stored._source.labels["test" if split == "test" else "train"]
    classes = labels[examples.indices]
    np.testing.assert_array_equal(np.array(stored.tasks[1].class_ids)[examples.labels], classes)


def test_test_images_of_a_class_are_the_same_set(folders):
  raw, stored = (STL10(StreamContext(data_dirs=(folder,)), source=source, **_BINDINGS)
                 for folder, source in zip(folders, ("raw", "tfds")))
  task_id = next(t for t, design in enumerate(raw.design) if not design.noise_deviation)
  pair = [stream.load(task_id, "test") for stream in (raw, stored)]
  for label in range(3):
    values = [sorted(np.unique(examples.images[examples.labels == label]).tolist()) for examples in pair]
    assert values[0] == values[1] and len(values[0]) > 1


def test_a_data_set_that_is_not_prepared_says_how_to_prepare_it(tmp_path, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
  with pytest.raises(DataError, match="'stl10' is not prepared.*--download"):
    STL10(StreamContext(data_dirs=(str(tmp_path),)), source="tfds")

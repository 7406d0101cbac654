"""Stores generated images as prepared TFDS data sets. (`mock_data` knows neither ids nor splits.)"""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from lasem_tf.data import sources


def store_cifar100(root: pathlib.Path, source: sources.ImageSource, version: str = "3.0.2",
                   id_format: str = "{}_{:05d}") -> None:
  """Writes `cifar100/<version>` with the images of `source` in another order than that of their ids."""
  features = tfds.features.FeaturesDict({
      "id": tfds.features.Text(), "image": tfds.features.Image(shape=(32, 32, 3)),
      "label": tfds.features.ClassLabel(num_classes=100)})
  datasets = {}
  for split in ("train", "test"):
    order = np.random.default_rng(1).permutation(len(source.labels[split]))
    datasets[split] = tf.data.Dataset.from_tensor_slices({
        "id": [id_format.format(split, number) for number in order],
        "image": source.images[split][order], "label": source.labels[split][order]})
  tfds.dataset_builders.store_as_tfds_dataset("cifar100", version, features, datasets, data_dir=str(root))


def store(root: pathlib.Path, name: str, splits: Mapping[str, tuple], class_names: Sequence[str],
          keys: tuple[str, str] = ("image", "label")) -> None:
  """Writes `<name>/1.0.0`.

  Args:
    root: the data folder.
    name: of the data set.
    splits: by TFDS name, images uint8 `[n, height, width, channels]`, or a list of images of any sizes, and labels.
    class_names: one for each label.
    keys: names of the features of image and label.
  """
  channels = next(iter(splits.values()))[0][0].shape[-1]
  features = tfds.features.FeaturesDict({
      keys[0]: tfds.features.Image(shape=(None, None, channels)),
      keys[1]: tfds.features.ClassLabel(names=list(class_names))})
  datasets = {}
  for split, (images, labels) in splits.items():
    def examples(images=images, labels=labels):
      yield from ({keys[0]: image, keys[1]: label} for image, label in zip(images, labels))

    datasets[split] = tf.data.Dataset.from_generator(examples, output_signature={
        keys[0]: tf.TensorSpec((None, None, channels), tf.uint8), keys[1]: tf.TensorSpec((), tf.int64)})
  tfds.dataset_builders.store_as_tfds_dataset(name, "1.0.0", features, datasets, data_dir=str(root))

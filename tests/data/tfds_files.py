"""Stores generated images as prepared TFDS data sets. (`mock_data` knows neither ids nor splits.)"""

import pathlib

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

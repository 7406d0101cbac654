"""TensorFlow Datasets as a second source of images.

TFDS is imported inside functions: that takes seconds, and streams of raw files work where it cannot be imported.
"""

import functools
import os
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from lasem_tf.data import sources, stream
from lasem_tf.data.streams import cifar100_tables

_BATCH = 256
MAX_EXAMPLES = 200_000  # The largest split of the published sets, with all images in memory, has 50,000.


def prepared_folder(name: str, context: stream.StreamContext) -> str:
  """Folder of a prepared TFDS data set.

  Args:
    name: TFDS name, e.g. 'cifar100'.
    context: its `data_dirs` are searched in order for `<name>/<version>`, then TFDS' own folder (`$TFDS_DATA_DIR`, else
      `~/tensorflow_datasets`). Only with `download` may the data set be fetched, into the first data folder.

  Returns:
    The folder of the latest version found.

  Raises:
    DataError: not prepared and not allowed to download, or the download failed.
  """
  own_folder = os.path.expanduser(os.environ.get("TFDS_DATA_DIR", os.path.join("~", "tensorflow_datasets")))
  roots = [*context.data_dirs, own_folder]
  for root in roots:
    folder = _latest_version(os.path.join(root, name))
    if folder:
      return folder
  if not context.download:
    raise stream.DataError(
        f"TensorFlow data set {name!r} is not prepared in {', '.join(roots)}. Run again with --download, or "
        f"prepare it with 'tfds build {name} --data_dir={roots[0]}'.")
  tfds = _import_tfds()
  try:
    builder = tfds.builder(name, data_dir=roots[0])
    builder.download_and_prepare()
  except Exception as error:  # TFDS raises errors of many libraries; all mean that there are no data.
    raise stream.DataError(
        f"TensorFlow Datasets could not download and prepare {name!r} in {roots[0]}: {error}. Check the "
        "network and the disk, or place the official files there and bind source = 'raw'.") from error
  return str(builder.data_dir)


def read_split(folder: str, split: str, features: tuple[str, ...]) -> dict[str, np.ndarray]:
  """All examples of a split, in the order of the stored files.

  Args:
    folder: a folder of `prepared_folder`.
    split: TFDS name of the split, e.g. 'train'.
    features: names of the features to keep.

  Returns:
    For each feature an array `[n, ...]`; texts are `bytes` objects.

  Raises:
    DataError: the folder lacks the split or a feature, or its files are damaged.
  """
  builder = opened(folder)
  missing = [name for name in features if name not in builder.info.features]
  if split not in builder.info.splits or missing:
    raise stream.DataError(
        f"{folder} holds splits {sorted(builder.info.splits)} and features {sorted(builder.info.features)}; "
        f"needed are split {split!r} and features {list(features)}. Prepare the data set again.")
  if builder.info.splits[split].num_examples > MAX_EXAMPLES:
    raise stream.DataError(f"{folder} announces {builder.info.splits[split].num_examples} {split} examples, more than "
                           f"the {MAX_EXAMPLES} that are read. Prepare the data set again.")
  # In batches: reading everything at once (batch_size=-1) aborts the process for some data sets.
  dataset = _in_stored_order(builder, split).map(lambda example: {name: example[name] for name in features})
  batches = list(_examples(dataset.batch(_BATCH), folder, split))
  if not batches:
    raise stream.DataError(f"The {split} split in {folder} is empty. Prepare the data set again.")
  return {name: np.concatenate([batch[name] for batch in batches]) for name in features}


def opened(folder: str):
  """The builder of a prepared data set.

  Raises:
    DataError: its description cannot be read.
  """
  try:
    return _import_tfds().builder_from_directory(folder)
  except stream.DataError:
    raise
  except Exception as error:  # of many libraries; all mean that the description cannot be read
    raise stream.DataError(f"The data set in {folder} cannot be opened ({str(error)[:200]}). Delete the folder and "
                           "prepare the data set again.") from error


def read_feature(builder, split: str, feature: str) -> np.ndarray:
  """One feature of all examples of a split, in stored order, without decoding the others; texts and images never are.

  Args:
    builder: of `opened`; has the split and the feature.
    split: TFDS name of the split.
    feature: name of a number.

  Raises:
    DataError: files are damaged.
  """
  tfds = _import_tfds()
  dataset = _in_stored_order(builder, split, tfds.decode.PartialDecoding({feature: True}))
  return np.array([example[feature] for example in _examples(dataset, str(builder.data_dir), split)])


def encoded_images(builder, split: str, feature: str) -> Iterator[bytes]:
  """The image files of all examples of a split, in stored order, as they are stored: not decoded.

  Raises:
    DataError: files are damaged.
  """
  tfds = _import_tfds()
  dataset = _in_stored_order(builder, split, {feature: tfds.decode.SkipDecoding()})
  dataset = dataset.map(lambda example: example[feature])
  yield from _examples(dataset, str(builder.data_dir), split)


def _in_stored_order(builder, split: str, decoders=None) -> tf.data.Dataset:
  read_config = _import_tfds().ReadConfig(interleave_cycle_length=1, try_autocache=False)
  return builder.as_dataset(split=split, shuffle_files=False, read_config=read_config, decoders=decoders)


def _examples(dataset: tf.data.Dataset, folder: str, split: str) -> Iterator:
  try:
    yield from dataset.as_numpy_iterator()
  except tf.errors.OpError as error:
    raise stream.DataError(
        f"The {split} split in {folder} is damaged ({error.message}). Delete the folder and prepare the data "
        "set again.") from error


def _import_tfds():
  try:
    import tensorflow_datasets  # noqa: PLC0415  see above
  except Exception as error:  # protobuf refuses messages of other versions by an error of its own
    raise stream.DataError(f"TensorFlow Datasets cannot be imported ({str(error)[:200]}). Install versions of "
                           "tensorflow, tensorflow-metadata and protobuf that fit each other, or bind source = 'raw'."
                          ) from error
  return tensorflow_datasets


def read_cifar100(context: stream.StreamContext) -> sources.ImageSource:
  """CIFAR-100 from TFDS, put back into the order of the official files by the `id` feature.

  Returns:
    The same images, labels and order as the raw files give. TFDS verifies the checksum of what it downloads, so
    complete counts make the set official.

  Raises:
    DataError: see `prepared_folder` and `read_split`, or ids or images are not those of CIFAR-100.
  """
  folder = prepared_folder("cifar100", context)
  return _read_cifar100(folder, sources.file_state([os.path.join(folder, "dataset_info.json")]))


@functools.lru_cache(maxsize=2)
def _read_cifar100(folder: str, state: tuple) -> sources.ImageSource:
  del state  # part of the cache key
  images, labels = {}, {}
  for split in ("train", "test"):
    examples = read_split(folder, split, ("id", "image", "label"))
    order = np.argsort([_position(identifier, split, folder) for identifier in examples["id"]], kind="stable")
    if examples["image"].shape[1:] != (32, 32, 3) or examples["label"].min() < 0 or examples["label"].max() > 99:
      raise stream.DataError(
          f"{folder}: images of shape {examples['image'].shape[1:]} or labels outside 0..99 are not CIFAR-100. "
          "Prepare the data set again.")
    images[split], labels[split] = examples["image"][order], examples["label"][order].astype(np.int64)
  counts = [np.bincount(labels[split], minlength=100) for split in ("train", "test")]
  official = all((found == wanted).all() for found, wanted in zip(counts, cifar100_tables.IMAGES_PER_CLASS))
  return sources.ImageSource(images, labels, tuple(cifar100_tables.CLASS_NAMES), folder, official)


def _position(identifier: bytes, split: str, folder: str) -> int:
  match = re.fullmatch(rf"{split}_(\d+)", identifier.decode("utf8", "replace"))
  if match is None:
    raise stream.DataError(
        f"{folder}: id {identifier!r} does not look like '{split}_00042'. Prepare the data set again.")
  return int(match.group(1))


def _latest_version(folder: str) -> str | None:
  """`folder/<major.minor.patch>` with the highest version that holds a finished data set."""
  if not sources.is_folder(folder):
    return None
  with sources.reading(folder, sources.READABLE):
    entries = os.listdir(folder)
  versions = [
      entry for entry in entries
      if re.fullmatch(r"\d+\.\d+\.\d+", entry) and sources.is_file(os.path.join(folder, entry, "dataset_info.json"))
  ]
  if not versions:
    return None
  return os.path.join(folder, max(versions, key=lambda version: tuple(map(int, version.split(".")))))

"""A folder with small raw files of every stream, in the official formats, for tests that need streams, not images."""

import pathlib

import numpy as np

from tests.data import office_home_raw, photographs, raw_files, stl10_raw

# What makes each stream accept counts that are not the official ones, by the first part of its name.
RELAXED = {
    "cifar100": ("CIFAR100.images_per_class = 'any'",),
    "office": ("{kind}.images_per_class = 'any'",),
    "stl10": ("STL10.images_per_class = 'any'",),
    "mnist": ("MNISTBinary.images_per_class = 'any'", "MNISTBinary.validation_pool = 600",
              "MNISTBinary.images_per_task = (40, 20, 40)"),
    "cifar10": ("CIFAR10Binary.images_per_class = 'any'", "CIFAR10Binary.images_per_task = (40, 20, 40)"),
    "synthetic": (), "planted": (),
    "folder": ("FolderStream.root = 'photos'", "FolderStream.num_tasks = 2"),
    "tfds": ("TFDSStream.dataset = 'little'", "TFDSStream.num_tasks = 2"),
    "table": ("TableStream.table = 'photos/table.csv'",),
}


def write(root: pathlib.Path) -> pathlib.Path:
  """Writes raw files of all streams below `root`; takes a few seconds."""
  raw_files.write_cifar100(root, train_per_class=120, test_per_class=2)
  raw_files.write_cifar10(root, per_class_and_batch=120, test_per_class=1000)
  raw_files.write_mnist(root, np.tile(np.arange(10), 600), np.tile(np.arange(10), 1000))
  office_home_raw.write(root)
  stl10_raw.write(root, train_per_class=100, test_per_class=10)
  classes = photographs.CLASSES[:4]
  photographs.write(root / "photos", classes, per_class=20)
  rows = [f"{name}/{number:03}.jpg,{name},{name in classes[:2]}" for name in classes for number in range(20)]
  (root / "photos" / "table.csv").write_text("\n".join(["path,label,task", *rows]))
  from tests.data import tfds_files  # TFDS takes seconds to import

  images = np.stack([photographs.photograph(class_id, n, (9, 9)) for class_id in range(4) for n in range(40)])
  tfds_files.store(root, "little", {"train": (images, np.arange(160) // 40), "test": (images, np.arange(160) // 40)},
                   classes)
  return root


def relaxed_bindings(stream: str) -> tuple[str, ...]:
  """Bindings for a file of `gin/streams` to accept the files that `write` made."""
  kind = "OfficeHomeIncremental" if stream == "office_home_incremental" else "OfficeHome"
  data_set = next(name for name in RELAXED if stream.startswith(name))
  return tuple(binding.format(kind=kind) for binding in RELAXED[data_set])

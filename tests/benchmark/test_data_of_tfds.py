"""The command line of `benchmark.data` on a TFDS data set that is generated and stored."""

import numpy as np
import pytest

from benchmark import data
from tests.data import photographs

_NAMES = photographs.CLASSES[:4]


@pytest.fixture(name="flags", scope="module")
def _flags(tmp_path_factory):
  from tests.data import tfds_files  # TFDS takes seconds to import

  root = tmp_path_factory.mktemp("tfds")
  labels = np.tile(np.arange(4), 10)
  images = [photographs.photograph(label, number, (20, 18)) for number, label in enumerate(labels)]
  tfds_files.store(root, "pictures", {"train": (images, labels)}, _NAMES)
  bound = ("IMAGE_SIZE = 12", "TFDSStream.dataset = 'pictures'", "TFDSStream.num_tasks = 2",
           "TFDSStream.test_split = ''")
  return ["--stream=tfds", f"--data_dir={root}", f"--cache_dir={root}", *(f"--gin_param={line}" for line in bound)]


def _run(command, *flags) -> int:
  return data.main(["benchmark.data", command, *flags])


def test_describe_and_check(flags, capsys):
  assert _run("describe", *flags) == 0
  output = capsys.readouterr().out
  assert "pictures: 2 tasks of images 12 x 12 x 3" in output and "ant, bee" in output and "cow, dog" in output
  assert output.count("│ 12    │ 2          │ 6 ") == 2
  assert _run("check", *flags) == 0
  output = capsys.readouterr().out
  assert "Nothing is amiss." in output and "Resized images are kept in" in output


def test_prepare_and_preview(flags, capsys, tmp_path):
  assert _run("prepare", *flags) == 0
  assert "40 images: " in capsys.readouterr().out
  assert _run("prepare", *flags) == 0
  assert "40 images: 40 were cached, 0 were built" in capsys.readouterr().out
  assert _run("preview", *flags, f"--output_dir={tmp_path}") == 0
  assert sorted(path.name for path in tmp_path.iterdir()) == ["tfds_pictures_task00.png", "tfds_pictures_task01.png"]

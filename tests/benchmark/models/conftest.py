"""Runs that several test files share."""

import pytest

from tests.benchmark.models import short_runs
from tests.data import photographs


@pytest.fixture(name="two_tasks", scope="package")
def _two_tasks(tmp_path_factory):
  """Folder of a LASEM run of two tasks."""
  folder = tmp_path_factory.mktemp("two")
  return short_runs.train(folder / "out", short_runs.plan(folder, "lasem_hps"))


@pytest.fixture(name="own_photographs", scope="package")
def _own_photographs(tmp_path_factory):
  """(folder of a run on a user's photographs, the run, its data settings); images are 12 pixels a side."""
  folder = tmp_path_factory.mktemp("own")
  root = photographs.write(folder / "photos", photographs.CLASSES[:4], per_class=10, longest=24)
  run = short_runs.plan_of_photographs(folder, root)
  return short_runs.train(folder / "out", run, cache_dir=str(folder / "cache")), run, folder / "cache"


@pytest.fixture(name="large_photographs", scope="package")
def _large_photographs(tmp_path_factory):
  """(folder of a LASEM run on photographs, the run, its data settings); the network is one for 64 pixels a side."""
  folder = tmp_path_factory.mktemp("large")
  root = photographs.write(folder / "photos", photographs.CLASSES[:4], per_class=10, longest=90)
  run = short_runs.plan_of_photographs(folder, root, "lasem_hps", image_size=64, epochs=1)
  return short_runs.train(folder / "out", run, cache_dir=str(folder / "cache")), run, folder / "cache"

"""Runs that several test files share."""

import pytest

from tests.benchmark.models import short_runs


@pytest.fixture(name="two_tasks", scope="package")
def _two_tasks(tmp_path_factory):
  """Folder of a LASEM run of two tasks."""
  folder = tmp_path_factory.mktemp("two")
  return short_runs.train(folder / "out", short_runs.plan(folder, "lasem_hps"))

"""The settings of a report survive the disk and name only files that reports write."""

import pytest

from benchmark.reporting import settings
from benchmark.results import run_files


def test_settings_read_back_equal(tmp_path):
  assert settings.read(tmp_path) is None
  written = settings.Settings("Title", "stl", True, "../mine", ("index.html", "table.md"), 0.5, ("final", "learning"),
                              True)
  settings.write(written, tmp_path)
  assert settings.read(tmp_path) == written


@pytest.mark.parametrize("name", ["table.md", "table_per_task.csv", "index.html", "figures/cifar100-smoke-pareto.png",
                                  f"figures/{run_files.file_name('a[0]=b,c', 'x' * 100)}-prior.svg"])
def test_files_of_a_report_are_its_own(name):
  assert settings.is_own(name)


@pytest.mark.parametrize("name", ["", "../table.md", "/table.md", "figures", "figures/", "figures/../table.md",
                                  "figures/a/b.png", "records.jsonl", "report.json", "table.md\n", "TABLE.md"])
def test_other_files_are_not(name):
  assert not settings.is_own(name)

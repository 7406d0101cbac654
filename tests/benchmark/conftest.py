"""Records and reports are tested where there is no TensorFlow, too; what trains cannot even be collected there."""

import importlib.util

import pytest

from benchmark.execution import process


def _has_tensorflow() -> bool:
  try:
    return importlib.util.find_spec("tensorflow") is not None
  except ImportError:
    return False


collect_ignore_glob = [] if _has_tensorflow() else [
    "execution/local/test_planner.py", "execution/test_foreseen_costs.py", "execution/test_full_disk.py",
    "execution/test_run_once.py", "models", "speed/*",
    "suites/test_learner_bindings.py", "suites/test_own_code.py", "test_class_incremental.py", "test_data.py",
    "test_data_of_tfds.py", "test_predict.py", "test_replay.py"]


@pytest.fixture
def unpinned(monkeypatch):
  """Commands that are called here leave this process its cores and its TensorFlow."""
  for name in ("prepare_process", "start_tensorflow"):
    monkeypatch.setattr(process, name, lambda *_: None)

"""Whole suites that are started together, lose their folder, or lose whoever reads what they print."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.benchmark import small_suite


@pytest.fixture(name="suite", scope="module")
def _suite(tmp_path_factory):
  return small_suite.write(tmp_path_factory.mktemp("suite"), ("stl",), epochs=60)


def _wait_for_training(process: subprocess.Popen, folder) -> None:
  while process.poll() is None and not list(folder.rglob("checkpoint-*.json")):
    time.sleep(0.02)
  assert process.poll() is None


def test_two_suites_of_different_settings_started_at_once(suite, tmp_path):
  processes = [small_suite.start(suite, tmp_path / "out", "--jobs=1", f"--gin_param=EPOCHS_PER_TASK={epochs}")
               for epochs in (3, 4)]
  errors = [process.communicate(timeout=600)[1] for process in processes]
  statuses = [process.returncode for process in processes]
  assert sorted(statuses) == [0, 2], errors
  (refusal,) = errors[statuses.index(2)].splitlines()
  assert refusal.startswith("Error: ") and "holds a run of another configuration" in refusal
  (record,) = small_suite.records(tmp_path / "out")
  assert len(record["result"]["training_macs_per_image"]) == 2 and record["result"]["status"] == "completed"


def test_a_suite_whose_run_is_being_trained_is_not_deleted(suite, tmp_path):
  process = small_suite.start(suite, tmp_path, "--jobs=1", "--gin_param=EPOCHS_PER_TASK=2000")
  _wait_for_training(process, tmp_path)
  status, errors = small_suite.end(suite, tmp_path, "--jobs=1", "--overwrite")
  assert status == 2 and "another process is training" in errors
  assert process.poll() is None
  process.send_signal(signal.SIGHUP)  # As when a terminal is closed.
  _, errors = process.communicate(timeout=600)
  assert process.returncode == 128 + signal.SIGHUP and "same command continues" in errors


def test_an_output_folder_removed_in_mid_run_is_no_success(suite, tmp_path):
  folder = tmp_path / "out"
  process = small_suite.start(suite, folder, "--jobs=1", "--gin_param=EPOCHS_PER_TASK=2000")
  _wait_for_training(process, folder)
  while folder.exists():  # A checkpoint may be written just now.
    shutil.rmtree(folder, ignore_errors=True)
  _, errors = process.communicate(timeout=600)
  assert process.returncode == 1
  assert "was removed or replaced while the run was trained" in errors


def test_a_suite_does_not_depend_on_a_reader(suite, tmp_path):
  """Standard output is closed, and standard error is a pipe that ends after a few characters."""
  command = small_suite.command(suite, tmp_path, "--jobs=1", "--gin_param=EPOCHS_PER_TASK=3")
  process = subprocess.Popen(["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE,
                             env={**os.environ, "PYTHONIOENCODING": "ascii", "TF_ENABLE_ONEDNN_OPTS": "0"})
  process.stderr.read(5)
  process.stderr.close()
  assert process.wait(timeout=600) == 0
  (record,) = small_suite.records(tmp_path)
  assert record["result"]["status"] == "completed" and (tmp_path / "table.md").exists()

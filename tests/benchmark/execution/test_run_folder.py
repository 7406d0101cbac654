"""Folders of runs: locks that dying processes hold, folders copied from elsewhere, damaged and edited files."""

import json
import multiprocessing
import shutil
import threading
import time

import filelock
import pytest

from benchmark.execution import run_folder
from benchmark.results import record_schema, records, run_files
from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError
from lasem_tf.training.interruption import Interrupted
from tests.benchmark import synthetic_records


def _run(seed: int = 0, digest: str = "abc") -> suite.Run:
  return suite.Run("synthetic", "stl", "smoke", seed, 7, "", digest)


def test_a_lock_that_is_freed_in_time_is_taken(tmp_path):
  lock = filelock.FileLock(str(tmp_path / run_files.LOCK_FILE), thread_local=False)
  lock.acquire()
  threading.Timer(0.5, lock.release).start()
  with run_folder.locked(tmp_path, 30.0, lambda: False):
    assert not lock.is_locked


def test_a_lock_that_is_held_longer_is_given_up(tmp_path):
  with filelock.FileLock(str(tmp_path / run_files.LOCK_FILE)):
    with pytest.raises(filelock.Timeout), run_folder.locked(tmp_path, 0.3, lambda: False):
      pytest.fail("held twice")
    with pytest.raises(Interrupted), run_folder.locked(tmp_path, 30.0, lambda: True):
      pytest.fail("held twice")


def _hold(path: str, ready) -> None:
  with filelock.FileLock(path):
    ready.set()
    time.sleep(60.0)


def test_the_lock_of_a_killed_process_is_free(tmp_path):
  context = multiprocessing.get_context("spawn")
  ready = context.Event()
  process = context.Process(target=_hold, args=(str(tmp_path / run_files.LOCK_FILE), ready))
  process.start()
  assert ready.wait(120.0)
  process.kill()
  process.join()
  with run_folder.locked(tmp_path, 0.0, lambda: False):
    pass


def test_a_claim_is_read_back(tmp_path):
  run_folder.claim(tmp_path, _run())
  assert run_folder.read_claim(tmp_path) == {"identity": "synthetic/stl/smoke/seed0", "configuration_hash": "abc",
                                             "design_seed": 7}
  assert not run_folder.is_of_another_configuration(tmp_path, _run())
  assert run_folder.is_of_another_configuration(tmp_path, _run(digest="abd"))


def test_a_folder_copied_from_elsewhere_is_refused_by_name(tmp_path):
  run_folder.claim(tmp_path / "seed0", _run(0))
  shutil.copytree(tmp_path / "seed0", tmp_path / "seed1")
  with pytest.raises(ConfigurationError, match="seed1 holds run synthetic/stl/smoke/seed0, not synthetic/stl/smoke/"):
    run_folder.is_of_another_configuration(tmp_path / "seed1", _run(1))


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"identity": "a", "configuration_hash": [], "design_seed": 0}'])
def test_a_damaged_claim_is_named(tmp_path, text):
  (tmp_path / run_files.IDENTITY_FILE).write_text(text)
  with pytest.raises(ConfigurationError, match="run.json is missing or damaged"):
    run_folder.is_of_another_configuration(tmp_path, _run())


def _finished(folder):
  """Writes a record into the folder; returns its run and the file."""
  record = synthetic_records.record("synthetic", "stl", 0)
  path = records.write_record(record, folder)
  values = record.result
  return suite.Run(record.stream, values["learner"], values["scale"], values["seed"], 0, "",
                   values["configuration_hash"]), path


def test_a_copied_or_edited_record_is_refused(tmp_path):
  run, path = _finished(tmp_path)
  assert run_folder.finished_record(tmp_path, run).identity == run.identity
  with pytest.raises(ConfigurationError, match="was copied or moved from elsewhere"):
    run_folder.finished_record(tmp_path, suite.Run(run.stream, run.learner, run.scale, 99, 0, "", ""))
  content = json.loads(path.read_text())
  content["result"]["accuracy"]["at_best_validation"][0] = 0.999
  path.write_text(json.dumps(content))
  with pytest.raises(record_schema.EditedRecordError, match=path.name):
    run_folder.finished_record(tmp_path, run)
  content["schema_version"] = 2
  path.write_text(json.dumps(content))
  with pytest.raises(record_schema.SchemaVersionError, match=path.name):
    run_folder.finished_record(tmp_path, run)

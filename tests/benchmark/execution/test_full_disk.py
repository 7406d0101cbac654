"""A disk that fills up while a run trains: a clear error, the previous checkpoint intact, the run completed later."""

import errno
import os
import pathlib
import subprocess
import time

import pytest

from benchmark import run as benchmark_run
from benchmark.execution import attempt, suite_folder
from benchmark.execution.settings import Settings
from benchmark.results import records, run_files
from benchmark.suites import bindings, suite
from tests.benchmark import small_suite

_ROOM_KIB = 600  # For the first checkpoints of the run below, not for all of its files.


@pytest.fixture(name="run")
def _run(tmp_path):
  _, (run,) = suite.load([str(small_suite.write(tmp_path, learners=("stl",), epochs=2))])
  return run


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path):
  """A file system that holds next to nothing."""
  folder = tmp_path / "disk"
  folder.mkdir()
  command = ["mount", "-t", "tmpfs", "-o", f"size={_ROOM_KIB}k", "tmpfs", str(folder)]
  mounted = subprocess.run(command, capture_output=True, check=False) if os.geteuid() == 0 else None
  if mounted is None or mounted.returncode:
    pytest.skip("mounting a small tmpfs needs root and its capabilities; the simulated disk below is tested anyway")
  yield folder
  subprocess.run(["umount", str(folder)], check=True)


def _attempt(run: suite.Run, output_dir: pathlib.Path) -> tuple[str, str | None]:
  settings = Settings(output_dir=str(output_dir), checkpoint_seconds=0.0, tensorboard=False, command="test")
  return attempt.attempt(run, settings, lambda event: None, lambda: False)


def test_a_full_disk_stops_the_run_and_more_room_lets_it_go_on(run, small_disk, tmp_path):
  expected = _attempt(run, tmp_path / "undisturbed")
  assert expected == ("completed", None)
  status, reason = _attempt(run, small_disk)
  assert status == "failed" and "Make room" in reason and "intact" in reason
  subprocess.run(["mount", "-o", f"remount,size={64 * _ROOM_KIB}k", str(small_disk)], check=True)
  assert _attempt(run, small_disk) == ("completed", None)
  assert records.read_record(small_disk / run.identity).result == records.read_record(
      tmp_path / "undisturbed" / run.identity).result
  one, other = (folder / run.identity / run_files.PREDICTIONS_FILE for folder in (small_disk, tmp_path / "undisturbed"))
  assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("writes", [3, 12, 20])
def test_a_disk_that_fills_up_at_any_write(run, tmp_path, monkeypatch, writes):
  """Simulated: every sync after the first few finds no room, the record of the failure included."""
  done, fsync = 0, os.fsync

  def fail_later(descriptor):
    nonlocal done
    done += 1
    if done > writes:
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    fsync(descriptor)

  with monkeypatch.context() as patch:
    patch.setattr(os, "fsync", fail_later)
    status, reason = _attempt(run, tmp_path)
  assert status == "failed" and "Make room" in reason
  assert "could not be written either (No space left on device)" in reason
  assert not (tmp_path / run.identity / "record.json").exists()
  assert _attempt(run, tmp_path) == ("completed", None)


def test_an_output_folder_without_room_is_refused_before_anything_is_trained(run, tmp_path, monkeypatch):
  def fail(descriptor):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(os, "fsync", fail)
  settings = Settings(output_dir=str(tmp_path / "out"), command="test")
  with pytest.raises(bindings.ConfigurationError, match="cannot be written .No space left.*make room"):
    suite_folder.prepare([run], settings, overwrite=False)


@pytest.mark.parametrize("folder", [".", "new/folder"])
def test_a_read_only_file_system_is_refused_in_one_line(small_disk, tmp_path, capsys, folder):
  subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
  file = small_suite.write(tmp_path, learners=("stl",))
  with pytest.raises(SystemExit) as stop:
    benchmark_run.main(["benchmark.run", f"--gin_file={file}", f"--output_dir={small_disk / folder}"])
  (line,) = capsys.readouterr().err.splitlines()
  assert stop.value.code == 2 and line.startswith("Error: ")
  assert f"{small_disk / folder} cannot be written (Read-only file system)" in line and "name another" in line


def test_a_clock_that_jumps_is_no_obstacle(run, tmp_path, monkeypatch):
  """The wall clock falls back a year in the middle of a run."""
  now, calls = time.time, 0

  def jump():
    nonlocal calls
    calls += 1
    return now() - (365 * 86400.0 if calls > 3 else 0.0)

  monkeypatch.setattr(time, "time", jump)
  assert _attempt(run, tmp_path) == ("completed", None)
  record = records.read_record(tmp_path / run.identity)
  assert all(seconds >= 0.0 for visit in record.provenance["seconds"] for seconds in visit.values())


def test_a_run_has_a_log_and_a_full_provenance(run, tmp_path):
  assert _attempt(run, tmp_path) == ("completed", None)
  run_dir = tmp_path / run.identity
  assert f"process {os.getpid()}" in (run_dir / run_files.LOG_FILE).read_text()
  provenance = records.read_record(run_dir).provenance
  assert set(provenance["files"]) == {"requested.gin", "operative.gin", "events.jsonl", "predictions.npz"}
  assert provenance["memory_floats"] == 0.0
  assert provenance["flags"]["checkpoint_seconds"] == 0.0 and provenance["design_seed"] == 0
  for name in ("versions", "device", "processor", "cores", "memory_bytes", "threads", "commit", "dirty", "platform",
               "finished"):
    assert name in provenance

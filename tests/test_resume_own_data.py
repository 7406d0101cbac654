"""Runs on a user's own data, stopped or killed and started again, end with the same results, bit for bit."""

import itertools
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from benchmark.execution import attempt
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import open_stream, suite as suite_lib
from lasem_tf.data.stream import StreamContext
from tests.benchmark import small_suite
from tests.data import photographs

_CLASSES = photographs.CLASSES[:4]
_GIN = """
suite.streams = {streams}
suite.learners = ('{learner}',)
suite.scale = 'paper'
suite.seeds = (0,)
IMAGE_SIZE = 12
BATCH_SIZE = 4
EPOCHS_PER_TASK = {epochs}
"""
_FOLDER = ("FolderStream.root = '{root}/photos'", "FolderStream.num_tasks = 2")
_TFDS = ("TFDSStream.dataset = 'pictures'", "TFDSStream.num_tasks = 2")


@pytest.fixture(name="root", scope="module")
def _root(tmp_path_factory):
  """The same classes as a folder and as a prepared TFDS data set."""
  from tests.data import tfds_files  # TFDS takes seconds to import

  root = tmp_path_factory.mktemp("own_data")
  photographs.write(root / "photos", _CLASSES, longest=20)
  labels = np.tile(np.arange(4), 14)
  images = [photographs.photograph(label, number, (14 + number % 3, 16)) for number, label in enumerate(labels)]
  tfds_files.store(root, "pictures", {"train": (images[:40], labels[:40]), "test": (images[40:], labels[40:])},
                   _CLASSES)
  return root


def _suite(root: pathlib.Path, folder: pathlib.Path, streams: tuple[str, ...], learner: str, epochs: int):
  """Writes the file of a suite with one run for each stream."""
  bound = [line.format(root=root) for stream in streams for line in {"folder": _FOLDER, "tfds": _TFDS}[stream]]
  path = folder / "own.gin"
  path.write_text("\n".join([_GIN.format(streams=streams, learner=learner, epochs=epochs), *bound, ""]))
  return path


def _kill_in_training(path, output_dir, *flags) -> bool:
  """Starts the suite and kills it, workers included, once a checkpoint is new; whether it had not ended by itself."""
  process, before = small_suite.start(path, output_dir, *flags), set(output_dir.rglob("checkpoint-*.json"))
  while process.poll() is None and not set(output_dir.rglob("checkpoint-*.json")) - before:
    time.sleep(0.01)
  was_training = process.poll() is None
  if was_training:
    os.killpg(process.pid, signal.SIGKILL)
  process.wait()
  process.stderr.close()
  return was_training


def _check_kills(root, folder, streams, kills):
  path = _suite(root, folder, streams, "lasem_hps", epochs=12)
  flags = ("--jobs=1", f"--data_dir={root}", f"--cache_dir={folder}")
  assert [_kill_in_training(path, folder / "killed", *flags) for _ in range(kills)] == [True] * kills
  small_suite.complete(path, folder / "killed", *flags)
  small_suite.complete(path, folder / "undisturbed", *flags)
  assert sum(record["provenance"]["resumptions"] for record in small_suite.records(folder / "killed")) >= 1
  results = small_suite.results(folder / "killed")
  assert results == small_suite.results(folder / "undisturbed") and len(results) == len(streams)
  for identity, result in results.items():
    name = identity.split("/")[0]
    bound = [line.format(root=root) for line in {"folder": _FOLDER, "tfds": _TFDS}[name]]
    stream = open_stream.load_stream(name, StreamContext(data_dirs=(str(root),), cache_dir=str(folder)),
                                     [*bound, "IMAGE_SIZE = 12"])
    assert result["status"] == "completed" and result["stream"]["data_fingerprint"] == stream.data_fingerprint


def test_a_search_on_a_folder_of_photographs_is_killed_once(root, tmp_path):
  _check_kills(root, tmp_path, ("folder",), kills=1)


@pytest.mark.slow
def test_searches_on_a_folder_and_a_tfds_set_are_killed_four_times(root, tmp_path):
  _check_kills(root, tmp_path, ("folder", "tfds"), kills=4)


def test_a_run_on_a_tfds_set_goes_on_where_it_was_stopped(root, tmp_path):
  _, (run,) = suite_lib.load([str(_suite(root, tmp_path, ("tfds",), "hps_top1", epochs=2))])

  def attempted(name, should_stop):
    settings = Settings(output_dir=str(tmp_path / name), data_dirs=(str(root),), cache_dir=str(tmp_path / "cache"),
                        checkpoint_seconds=0.0, tensorboard=False, command="test")
    return attempt.attempt(run, settings, lambda event: None, should_stop).status, settings.run_dir(run)

  questions = itertools.count()
  status, folder = attempted("stopped", lambda: next(questions) == 3)
  assert status == "interrupted" and list(folder.rglob("checkpoint-*.json"))
  (first, resumed), (second, undisturbed) = (attempted(name, lambda: False) for name in ("stopped", "undisturbed"))
  assert first == second == "completed"
  resumed, undisturbed = records.read_record(resumed), records.read_record(undisturbed)
  assert resumed.to_json()["result"] == undisturbed.to_json()["result"]
  assert (resumed.provenance["resumptions"], undisturbed.provenance["resumptions"]) == (1, 0)
  assert resumed.result["stream"]["counts"] == {"train": [18, 18], "validation": [2, 2], "test": [8, 8]}


def test_two_processes_find_the_same_tfds_images(root, tmp_path):
  bound = [line.format(root=root) for line in _TFDS]
  flags = [f"--data_dir={root}", f"--cache_dir={tmp_path}", *(f"--gin_param={line}" for line in bound)]
  done = subprocess.run([sys.executable, "-m", "benchmark.data", "check", "--stream=tfds", *flags], text=True,
                        capture_output=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
  assert done.returncode == 0 and "Nothing is amiss." in done.stdout, done.stdout + done.stderr
  stream = open_stream.load_stream("tfds", StreamContext(data_dirs=(str(root),), cache_dir=str(tmp_path)), bound)
  assert f"data fingerprint of seed 0 {stream.data_fingerprint}" in done.stdout
  assert f"Design fingerprint {stream.design_fingerprint}" in done.stdout

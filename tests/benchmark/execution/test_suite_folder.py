"""Claims on the folders of a suite: one configuration each, locks before deletions, no links followed."""

import errno
import fcntl
import os
import pathlib
import shutil

import filelock
import pytest

from benchmark.execution import run_folder, run_state, suite_folder
from benchmark.execution.settings import Settings
from benchmark.results import run_files
from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError


def _run(digest: str = "abc", learner: str = "stl") -> suite.Run:
  return suite.Run("synthetic", learner, "smoke", 0, 7, "", digest)


@pytest.fixture(name="settings")
def _settings(tmp_path) -> Settings:
  return Settings(str(tmp_path / "out"), lock_seconds=0.0, command="test")


def _begin(settings: Settings, run: suite.Run) -> pathlib.Path:
  """As if the run had been trained for a while; returns a file of it."""
  suite_folder.prepare([run], settings, overwrite=False)
  events = settings.run_dir(run) / run_files.EVENTS_FILE
  events.write_text("{}\n")
  return events


def test_runs_are_claimed_before_any_is_trained(settings):
  first, second = _run(), _run(learner="ewc")
  suite_folder.prepare([first, second], settings, overwrite=False)
  assert run_folder.read_claim(settings.run_dir(second))["configuration_hash"] == "abc"
  suite_folder.prepare([first, second], settings, overwrite=False)
  with pytest.raises(ConfigurationError, match="another configuration .this one is abd.*--overwrite"):
    suite_folder.prepare([_run(learner="lwf"), _run("abd", learner="ewc")], settings, overwrite=False)
  assert not settings.run_dir(_run(learner="lwf")).exists()  # Nothing is claimed by who is refused.
  assert sorted(path.name for path in pathlib.Path(settings.output_dir).iterdir()) == ["suite.lock", "synthetic"]


def test_overwriting_deletes_the_other_configurations_run_alone(settings):
  other, same = _begin(settings, _run(learner="ewc")), _begin(settings, _run())
  suite_folder.prepare([_run(), _run("abd", "ewc")], settings, overwrite=True)
  assert same.exists() and not other.exists()
  assert run_folder.read_claim(other.parent)["configuration_hash"] == "abd"


def test_a_run_that_is_being_trained_is_not_deleted(settings):
  idle, busy = _begin(settings, _run()), _begin(settings, _run(learner="ewc"))
  with filelock.FileLock(str(busy.parent / run_files.LOCK_FILE)), pytest.raises(
      ConfigurationError, match="ewc.*another process is training: stop that first"):
    suite_folder.prepare([_run("abd"), _run("abd", "ewc")], settings, overwrite=True)
  assert idle.exists() and busy.exists()
  assert run_folder.read_claim(idle.parent)["configuration_hash"] == "abc"


def test_claims_on_runs_that_never_began_are_taken_back(settings):
  begun, never = _run(), _run(learner="ewc")
  _begin(settings, begun)
  suite_folder.prepare([begun, never], settings, overwrite=False)
  suite_folder.release([begun, never, _run(learner="lwf")], settings)
  assert run_folder.is_of_another_configuration(settings.run_dir(begun), _run("abd"))
  suite_folder.prepare([_run("abd", "ewc")], settings, overwrite=False)


def test_a_claimed_folder_is_locked_and_marked(settings):
  directory = settings.run_dir(_run())
  with run_folder.claimed(settings, _run(), lambda: False) as claim:
    claim.check()
    assert run_folder.read_claim(directory)["configuration_hash"] == "abc"
    with pytest.raises(filelock.Timeout), run_folder.claimed(settings, _run(), lambda: False):
      pytest.fail("claimed twice")
    # Whoever waits with another configuration is refused at once.
    with pytest.raises(run_folder.OtherConfigurationError), run_folder.claimed(
        Settings(settings.output_dir, lock_seconds=1e6, command="test"), _run("abd"), lambda: False):
      pytest.fail("claimed twice")
  with pytest.raises(run_folder.OtherConfigurationError), run_folder.claimed(settings, _run("abd"), lambda: False):
    pytest.fail("claimed for two configurations")


@pytest.mark.parametrize("again", [False, True])
def test_a_folder_removed_in_mid_run_is_noticed(settings, again):
  with run_folder.claimed(settings, _run(), lambda: False) as claim:
    shutil.rmtree(settings.output_dir)
    if again:
      (settings.run_dir(_run())).mkdir(parents=True)
      (settings.run_dir(_run()) / run_files.LOCK_FILE).touch()
    with pytest.raises(run_folder.FolderLostError, match="was removed or replaced"):
      claim.check()


@pytest.mark.parametrize("link", ["synthetic", "synthetic/stl", "synthetic/stl/smoke/seed0", "run.lock", "run.log",
                                  "events.jsonl", "checkpoints", "checkpoints/x.npz", "tensorboard", "record.json"])
def test_planted_links_are_refused_and_what_they_point_to_is_left_alone(settings, tmp_path, link):
  victim = tmp_path / "victim"
  directory = settings.run_dir(_run())
  path = pathlib.Path(settings.output_dir, link) if "synthetic" in link else directory / link
  path.parent.mkdir(parents=True)
  if path.suffix:
    victim.write_text("precious")
  else:
    victim.mkdir()
    (victim / "precious.txt").write_text("precious")
  path.symlink_to(victim)
  for overwrite in (False, True):
    with pytest.raises(ConfigurationError, match="symbolic link"):
      suite_folder.prepare([_run()], settings, overwrite)
  with pytest.raises(ConfigurationError, match="symbolic link"), run_folder.claimed(
      settings, _run(), lambda: False):
    pytest.fail("claimed")
  precious = victim if path.suffix else victim / "precious.txt"
  assert precious.read_text() == "precious" and (path.suffix or len(list(victim.iterdir())) == 1)


@pytest.mark.parametrize("name", ["run.json", "record.json", "run.lock", "run.log", "requested.gin", "events.jsonl",
                                  "checkpoints", "checkpoints/checkpoint-00000001.json", "tensorboard/x"])
def test_planted_pipes_are_refused_and_nothing_waits_for_them(settings, name):
  path = settings.run_dir(_run()) / name
  path.parent.mkdir(parents=True)
  os.mkfifo(path)
  for overwrite in (False, True):
    with pytest.raises(ConfigurationError, match=f"{name} is a pipe"):
      suite_folder.prepare([_run()], settings, overwrite)
  with pytest.raises(ConfigurationError, match=f"{name} is a pipe"), run_folder.claimed(
      settings, _run(), lambda: False):
    pytest.fail("claimed")
  assert (state := run_state.of_run(_run(), settings)).kind == run_state.CONFLICT and str(path) in state.note


@pytest.mark.parametrize("name", ["suite.lock", "tuning", "tuning/synthetic"])
def test_planted_pipes_beside_the_runs_are_refused(settings, name):
  path = pathlib.Path(settings.output_dir, name)
  path.parent.mkdir(parents=True)
  os.mkfifo(path)
  with pytest.raises(ConfigurationError, match=f"{name} is a pipe"):
    suite_folder.prepare([_run()], settings, overwrite=False)


@pytest.mark.parametrize("link", ["suite.lock", "tuning", "tuning/synthetic"])
def test_planted_links_beside_the_runs_are_refused(settings, tmp_path, link):
  (tmp_path / "victim").write_text("precious")
  path = pathlib.Path(settings.output_dir, link)
  path.parent.mkdir(parents=True)
  path.symlink_to(tmp_path / "victim")
  with pytest.raises(ConfigurationError, match=f"{link} is a symbolic link"):
    suite_folder.prepare([_run()], settings, overwrite=False)
  assert (tmp_path / "victim").read_text() == "precious"


def test_the_output_folder_itself_may_be_a_link(settings, tmp_path):
  (tmp_path / "elsewhere").mkdir()
  pathlib.Path(settings.output_dir).symlink_to(tmp_path / "elsewhere")
  suite_folder.prepare([_run()], settings, overwrite=False)
  with run_folder.claimed(settings, _run(), lambda: False):
    assert (tmp_path / "elsewhere" / _run().identity / run_files.IDENTITY_FILE).exists()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_found_out_before_training(settings, monkeypatch, number):
  def refuse(*_):
    raise OSError(number, os.strerror(number))

  monkeypatch.setattr(fcntl, "flock", refuse)
  with pytest.raises(ConfigurationError, match="file system without file locks.*name a folder on another"):
    suite_folder.prepare([_run()], settings, overwrite=False)
  assert not list(pathlib.Path(settings.output_dir).iterdir())


def test_containers_of_equal_process_numbers_share_no_names(settings, monkeypatch):
  """Each is process 1 of its container: a probe of another that is still there disturbs nobody."""
  monkeypatch.setattr(os, "getpid", lambda: 1)
  made = []
  fsync = os.fsync
  monkeypatch.setattr(os, "fsync", lambda descriptor: (made.extend(
      pathlib.Path(settings.output_dir).glob(".probe-*")), fsync(descriptor)))
  for _ in range(3):
    suite_folder.prepare([_run()], settings, overwrite=False)
  assert len(set(made)) == 3
  assert not list(pathlib.Path(settings.output_dir).glob(".probe*"))

"""Checkpoints under corruption, interruption and a full disk."""

import errno
import json
import os
import pathlib
import stat
import subprocess
import zipfile

import numpy as np
import pytest

from lasem_tf import files
from lasem_tf.training import checkpoints


def _arrays(value=0.0):
  return {"task0/conv0/kernel": np.full((2, 3), 7.0, np.float32), "task0/count": np.int64(5), "shared/kernel":
          np.full((4,), value, np.float32), "single": np.array([True, False])}


def _files(directory, pattern="*"):
  return sorted(path.name for path in pathlib.Path(directory).glob(pattern))


def test_what_was_saved_comes_back_with_types_and_shapes(tmp_path):
  store = checkpoints.CheckpointStore(tmp_path / "new" / "folder")
  state = {"visit": 3, "rows": [[0.1, None]], "loss": 1 / 3}
  store.save(state, _arrays(1.5))
  loaded = checkpoints.CheckpointStore(tmp_path / "new" / "folder").load()
  assert loaded.state == state
  assert loaded.arrays.keys() == _arrays().keys()
  for name, array in _arrays(1.5).items():
    np.testing.assert_array_equal(loaded.arrays[name], array)
    assert loaded.arrays[name].dtype == array.dtype and loaded.arrays[name].shape == np.shape(array)


def test_no_checkpoint_is_no_error(tmp_path):
  assert checkpoints.CheckpointStore(tmp_path).load() is None
  assert checkpoints.CheckpointStore(tmp_path / "missing").load() is None


def test_a_group_that_did_not_change_is_written_once_and_two_checkpoints_are_kept(tmp_path):
  store = checkpoints.CheckpointStore(tmp_path)
  store.save({"number": 1}, _arrays(1.0))
  first = {name: (tmp_path / name).stat().st_mtime_ns for name in _files(tmp_path, "*.npz")}
  store.save({"number": 2}, _arrays(2.0))
  second = set(_files(tmp_path, "*.npz"))
  assert len(first) == 3 and len(second) == 4 and set(first) < second
  assert all((tmp_path / name).stat().st_mtime_ns == time for name, time in first.items())
  store.save({"number": 3}, _arrays(3.0))
  assert _files(tmp_path, "*.json") == ["checkpoint-00000002.json", "checkpoint-00000003.json"]
  assert len(_files(tmp_path, "*.npz")) == 4 and len(_files(tmp_path)) == 6
  assert checkpoints.CheckpointStore(tmp_path).load().state == {"number": 3}


@pytest.mark.parametrize("pattern", ["*.json", "*.npz"])
def test_a_pipe_in_the_place_of_a_file_is_named_and_not_waited_for(tmp_path, pattern):
  checkpoints.CheckpointStore(tmp_path).save({}, {"a": np.zeros(3)})
  (path,) = tmp_path.glob(pattern)
  path.unlink()
  os.mkfifo(path)
  for read in (checkpoints.CheckpointStore(tmp_path).load, lambda: checkpoints.read_newest(tmp_path)):
    with pytest.raises(checkpoints.CheckpointError, match=f"{path.name} is a pipe, a socket"):
      read()


@pytest.mark.parametrize("kind", ["deflated", "overlapping"])
def test_weights_that_unfold_to_more_than_their_file_are_refused_unread(tmp_path, kind, monkeypatch):
  checkpoints.CheckpointStore(tmp_path).save({}, {"a": np.zeros(1_000_000)})
  (path,) = tmp_path.glob("*.npz")
  if kind == "deflated":  # The very arrays, so that the digest fits.
    np.savez_compressed(path, a=np.zeros(1_000_000))
    assert path.stat().st_size < 20_000
  else:  # Every entry of the directory is the same stored member.
    path.unlink()
    with zipfile.ZipFile(path, "w") as archive:
      archive.writestr("a.npy", b"x" * 10_000)
      archive.filelist *= 50
  monkeypatch.setattr(checkpoints.np, "load", lambda *_, **__: pytest.fail("read"))
  for read in (checkpoints.CheckpointStore(tmp_path).load, lambda: checkpoints.read_newest(tmp_path)):
    with pytest.raises(checkpoints.CheckpointError, match=f"{path.name} is damaged"):
      read()


def _damage_truncate(path):
  os.truncate(path, path.stat().st_size // 2)


def _damage_empty(path):
  os.truncate(path, 0)


def _damage_flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 0xFF
  path.write_bytes(content)


def _damage_remove(path):
  path.unlink()


def _damage_garbage(path):
  path.write_bytes(b"\x00garbage" * 50)


@pytest.mark.parametrize("damage", [_damage_truncate, _damage_empty, _damage_flip, _damage_remove, _damage_garbage])
@pytest.mark.parametrize("kind", ["manifest", "arrays"])
def test_a_damaged_newest_checkpoint_yields_to_the_one_before(tmp_path, damage, kind):
  store = checkpoints.CheckpointStore(tmp_path)
  store.save({"number": 1}, _arrays(1.0))
  before = set(_files(tmp_path, "*.npz"))
  store.save({"number": 2}, _arrays(2.0))
  newest = (set(_files(tmp_path, "*.npz")) - before).pop() if kind == "arrays" else "checkpoint-00000002.json"
  damage(tmp_path / newest)
  store = checkpoints.CheckpointStore(tmp_path)
  if kind == "manifest" and damage is _damage_remove:
    assert store.load().state == {"number": 1}  # As if it had never been written.
  else:
    with pytest.warns(checkpoints.CheckpointWarning, match=f"{newest}.*Going on from the checkpoint before it"):
      loaded = store.load()
    assert loaded.state == {"number": 1} and loaded.arrays["shared/kernel"][0] == 1.0
  assert len(_files(tmp_path)) == 4  # Nothing of the damaged one is left.
  store.save({"number": 2}, _arrays(2.0))  # The same content again must not be taken for written.
  assert checkpoints.CheckpointStore(tmp_path).load().arrays["shared/kernel"][0] == 2.0


def test_if_all_are_damaged_the_error_says_what_to_delete(tmp_path):
  store = checkpoints.CheckpointStore(tmp_path)
  store.save({}, _arrays(1.0))
  store.save({}, _arrays(2.0))
  for path in tmp_path.glob("*.json"):
    _damage_flip(path)
  with pytest.raises(checkpoints.CheckpointError, match=f"delete {tmp_path} to train the run again"):
    checkpoints.CheckpointStore(tmp_path).load()


def test_an_edited_state_is_noticed(tmp_path):
  checkpoints.CheckpointStore(tmp_path).save({"accuracy": 0.5}, {})
  path = next(tmp_path.glob("*.json"))
  path.write_text(path.read_text().replace("0.5", "0.9"))
  with pytest.raises(checkpoints.CheckpointError, match="does not fit its checksum"):
    checkpoints.CheckpointStore(tmp_path).load()


@pytest.mark.parametrize("change, message", [
    ({"format": 99}, "format 99, this version reads 2"), ({"format": None}, "format None"),
    ({"state": []}, "names other files than checkpoints have"), ({"groups": []}, "names other files"),
    ({"groups": {"a": 5}}, "names other files"), ({"groups": {"a": "../../etc/passwd"}}, "names other files")])
def test_another_format_or_odd_content_is_refused(tmp_path, change, message):
  checkpoints.CheckpointStore(tmp_path).save({}, {})
  path = next(tmp_path.glob("*.json"))
  manifest = json.loads(path.read_text()) | change
  del manifest["checksum"]
  manifest["checksum"] = checkpoints._checksum(manifest)
  path.write_text(json.dumps(manifest))
  with pytest.raises(checkpoints.CheckpointError, match=message):
    checkpoints.CheckpointStore(tmp_path).load()
  path.write_text("[" * 100_000)
  with pytest.raises(checkpoints.CheckpointError, match="is damaged"):
    checkpoints.CheckpointStore(tmp_path).load()


def test_only_files_of_its_own_are_removed(tmp_path):
  (tmp_path / "measured.npz").write_bytes(b"precious")
  for number in range(4):
    checkpoints.CheckpointStore(tmp_path).save({"number": number}, _arrays(number))
  assert (tmp_path / "measured.npz").read_bytes() == b"precious"


def test_half_written_files_of_a_killed_process_are_ignored_and_removed(tmp_path):
  store = checkpoints.CheckpointStore(tmp_path)
  store.save({"number": 1}, _arrays())
  files.atomic(tmp_path / "checkpoint-00000002.json").__enter__()  # Never finished.
  (tmp_path / f"{'0' * 64}.npz").write_bytes(b"a blob that no manifest names")
  assert checkpoints.CheckpointStore(tmp_path).load().state == {"number": 1}
  assert len(_files(tmp_path)) == 4


def test_objects_are_never_written(tmp_path):
  with pytest.raises(TypeError, match="bad holds Python objects"):
    checkpoints.CheckpointStore(tmp_path).save({}, {"bad": np.array([{}])})


@pytest.mark.parametrize("fails_at", range(6))
def test_a_full_disk_at_any_write_leaves_the_previous_checkpoint(tmp_path, monkeypatch, fails_at):
  store = checkpoints.CheckpointStore(tmp_path)
  store.save({"number": 1}, _arrays(1.0))
  syncs = iter(range(100))
  fsync = os.fsync

  def failing(descriptor):
    if stat.S_ISREG(os.fstat(descriptor).st_mode) and next(syncs) == fails_at:
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    fsync(descriptor)

  monkeypatch.setattr(os, "fsync", failing)
  changed = {name: np.asarray(array) + 1 for name, array in _arrays(2.0).items() if name != "single"}
  if fails_at < 3:  # Two groups and the manifest.
    with pytest.raises(checkpoints.CheckpointError, match=f"{tmp_path}: The disk is full.*one before it is intact"):
      store.save({"number": 2}, changed)
  else:
    store.save({"number": 2}, changed)
  monkeypatch.undo()
  assert checkpoints.CheckpointStore(tmp_path).load().state == {"number": 1 if fails_at < 3 else 2}
  assert not _files(tmp_path, ".unfinished*")


@pytest.fixture(name="small_disk")
def fixture_small_disk(tmp_path):
  directory = tmp_path / "disk"
  directory.mkdir()
  mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(directory)],
                           capture_output=True, check=False)
  if mounted.returncode:
    pytest.skip(f"a small tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
  yield directory
  subprocess.run(["umount", str(directory)], check=True)


def test_a_disk_that_is_really_full(small_disk):
  store = checkpoints.CheckpointStore(small_disk / "checkpoints")
  store.save({"number": 1}, {"a/weights": np.zeros(30_000, np.float32)})
  with pytest.raises(checkpoints.CheckpointError, match="The disk is full"):
    store.save({"number": 2}, {"a/weights": np.ones(60_000, np.float32)})
  loaded = checkpoints.CheckpointStore(small_disk / "checkpoints").load()
  assert loaded.state == {"number": 1} and loaded.arrays["a/weights"].sum() == 0.0


def test_a_folder_that_cannot_be_made(tmp_path):
  (tmp_path / "file").write_text("in the way")
  with pytest.raises(checkpoints.CheckpointError, match="Writing failed"):
    checkpoints.CheckpointStore(tmp_path / "file").save({}, {})


def test_a_linked_folder_is_refused_and_nothing_behind_it_is_touched(tmp_path):
  victim = tmp_path / "victim"
  checkpoints.CheckpointStore(victim).save({}, _arrays())
  (victim / "precious.npz").write_bytes(b"not named by any manifest")
  before = _files(victim)
  (tmp_path / "run").symlink_to(victim)
  store = checkpoints.CheckpointStore(tmp_path / "run")
  for use in (store.load, lambda: store.save({}, _arrays(1.0))):
    with pytest.raises(files.PlantedError, match="run is a symbolic link"):
      use()
  assert _files(victim) == before


def test_a_file_that_is_a_link_is_replaced_not_followed(tmp_path):
  victim = tmp_path / "victim"
  victim.write_text("precious")
  (tmp_path / "run").mkdir()
  (tmp_path / "run" / "checkpoint-00000001.json").symlink_to(victim)
  store = checkpoints.CheckpointStore(tmp_path / "run")
  for number in range(3):
    store.save({"number": number}, {})
  assert victim.read_text() == "precious" and store.load().state == {"number": 2}

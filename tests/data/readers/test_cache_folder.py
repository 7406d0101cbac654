"""Where decoded images are kept, and that the user is told."""

import logging
import pwd

import pytest

from lasem_tf.data.readers import cache_folder
from lasem_tf.data.stream import DataError


def test_the_cache_lies_beside_the_data_unless_told_otherwise(tmp_path):
  data = tmp_path / "data" / "OfficeHomeDataset"
  data.mkdir(parents=True)
  assert cache_folder.choose_directory(None, data) == tmp_path / "data" / cache_folder.CACHE_NAME
  assert cache_folder.choose_directory(str(tmp_path / "fast"), data) == tmp_path / "fast" / cache_folder.CACHE_NAME


def test_read_only_data_are_cached_in_the_users_folder_and_a_warning_says_so_once(tmp_path, monkeypatch, caplog):
  data = tmp_path / "data" / "OfficeHomeDataset"
  data.mkdir(parents=True)
  data.parent.chmod(0o555)
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
  with caplog.at_level(logging.WARNING):
    for _ in range(2):
      assert cache_folder.choose_directory(None, data) == tmp_path / "home" / cache_folder.CACHE_NAME
  assert [record.levelname for record in caplog.records] == ["WARNING"]
  assert "read-only" in caplog.text and str(tmp_path / "home") in caplog.text and "--cache_dir" in caplog.text
  data.parent.chmod(0o755)


def test_without_a_home_folder_read_only_data_need_the_flag(tmp_path, monkeypatch):
  data = tmp_path / "data" / "OfficeHomeDataset"
  data.mkdir(parents=True)
  data.parent.chmod(0o555)
  for name in ("HOME", "XDG_CACHE_HOME"):
    monkeypatch.delenv(name, raising=False)

  def unknown(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")

  monkeypatch.setattr(pwd, "getpwuid", unknown)
  with pytest.raises(DataError, match="data is read-only, and there is no home folder .* with --cache_dir"):
    cache_folder.choose_directory(None, data)
  assert cache_folder.choose_directory(str(tmp_path / "fast"), data) == tmp_path / "fast" / cache_folder.CACHE_NAME
  data.parent.chmod(0o755)


@pytest.mark.parametrize("name", ["file", "file/deeper", "dangling", "n" * 300])
def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path, name):
  (tmp_path / "file").write_text("no folder")
  (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
  with pytest.raises(DataError, match="--"):
    cache_folder.choose_directory(str(tmp_path / name), tmp_path)
  assert cache_folder.choose_directory(str(tmp_path / "new"), tmp_path) == tmp_path / "new" / cache_folder.CACHE_NAME
  assert not (tmp_path / "new").exists()

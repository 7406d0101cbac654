"""Files that appear whole, under names of their own, and never behind a link."""

import os
import socket
import stat

import pytest

from lasem_tf import files


def _names(directory):
  return sorted(path.name for path in directory.iterdir())


def test_a_file_appears_when_it_is_complete(tmp_path):
  path = tmp_path / "record.json"
  with files.atomic(path) as file:
    file.write(b"half")
    assert not path.exists()
  assert path.read_bytes() == b"half" and _names(tmp_path) == ["record.json"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
  path = tmp_path / "record.json"
  files.write_atomically(path, "old")
  with pytest.raises(KeyboardInterrupt), files.atomic(path) as file:
    file.write(b"new")
    raise KeyboardInterrupt
  assert path.read_text() == "old" and _names(tmp_path) == ["record.json"]


def test_missing_folders_are_made_and_permissions_follow_the_umask(tmp_path):
  before = os.umask(0o027)
  try:
    files.write_atomically(tmp_path / "new" / "folder" / "file", b"\x00\xff")
  finally:
    os.umask(before)
  written = tmp_path / "new" / "folder" / "file"
  assert written.read_bytes() == b"\x00\xff" and stat.S_IMODE(written.stat().st_mode) == 0o640


def test_writers_with_equal_process_numbers_do_not_share_a_temporary_file(tmp_path, monkeypatch):
  monkeypatch.setattr(os, "getpid", lambda: 1)
  with files.atomic(tmp_path / "file") as first, files.atomic(tmp_path / "file") as second:
    first.write(b"first")
    second.write(b"second")
    assert len(_names(tmp_path)) == 2
  assert (tmp_path / "file").read_bytes() == b"first"  # It was finished last.


def test_what_a_killed_writer_left_is_removed_on_request(tmp_path):
  writer = files.atomic(tmp_path / "file")
  writer.__enter__()  # Never left, as in a killed process.
  (tmp_path / "kept").touch()
  assert len(_names(tmp_path)) == 2
  files.remove_unfinished(tmp_path)
  assert _names(tmp_path) == ["kept"]


def test_a_link_is_replaced_by_an_atomic_write_and_refused_by_others(tmp_path):
  victim, link = tmp_path / "victim", tmp_path / "link"
  victim.write_text("precious")
  link.symlink_to(victim)
  for mode in ("a", "r+", "w"):
    with pytest.raises(files.PlantedError, match="link is a symbolic link, .* Remove the link"):
      files.open_plain(link, mode)
  with pytest.raises(files.PlantedError):
    files.refuse_planted(link)
  files.write_atomically(link, "new")
  assert victim.read_text() == "precious" and link.read_text() == "new" and not link.is_symlink()


@pytest.mark.parametrize("kind", ["pipe", "pipe with a reader", "socket", "device"])
def test_nothing_waits_for_a_planted_pipe_or_its_like(tmp_path, kind, monkeypatch):
  monkeypatch.chdir(tmp_path)  # Addresses of sockets are short.
  path, ends = "/dev/null" if kind == "device" else "planted", []
  if kind == "socket":
    ends.append(socket.socket(socket.AF_UNIX))
    ends[0].bind(path)
  elif kind != "device":
    os.mkfifo(path)
    if "reader" in kind:
      ends.append(os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb"))
  for attempt in (lambda: files.open_plain(path, "a"), lambda: files.open_plain(path, "r+"),
                  lambda: files.open_regular(path), lambda: files.refuse_planted(path)):
    with pytest.raises(files.PlantedError, match=f"{path} is a pipe, a socket or a device, .* Remove it"):
      attempt()
  for end in ends:
    end.close()


def test_plain_files_are_opened_as_usual(tmp_path):
  path = tmp_path / "events"
  files.refuse_planted(path)
  for _ in range(2):
    with files.open_plain(path, "a") as file:
      file.write(b"line\n")
  assert path.read_bytes() == b"line\nline\n"
  (tmp_path / "link").symlink_to(path)
  with files.open_regular(tmp_path / "link") as file:
    assert file.read() == b"line\nline\n"
  with pytest.raises(FileNotFoundError):
    files.open_plain(tmp_path / "missing", "r+")
  with pytest.raises(IsADirectoryError):
    files.open_regular(tmp_path)


def test_a_path_is_inside_a_folder_where_its_links_lead(tmp_path):
  (tmp_path / "out").mkdir()
  (tmp_path / "out" / "link").symlink_to(tmp_path)
  (tmp_path / "alias").symlink_to(tmp_path / "out")
  assert files.is_inside(tmp_path / "alias" / "a" / "b", tmp_path / "out")
  assert not files.is_inside(tmp_path / "out" / "link" / "a", tmp_path / "out")
  assert not files.is_inside(tmp_path / "out" / ".." / "a", tmp_path / "out")

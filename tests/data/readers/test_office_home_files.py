"""Folders of Office-Home: damage is met before training, other names are read or named, closed folders are one line."""

import errno
import os
import pathlib
import shutil

import numpy as np
import pytest

from lasem_tf.data.readers import image_decoding
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams.office_home import OfficeHome
from tests.data import office_home_raw


def _open(root, **bindings):
  return OfficeHome(StreamContext(data_dirs=(str(root),)), **{"images_per_class": "any", "image_size": 4, **bindings})


def test_a_damaged_image_is_named_when_the_stream_is_opened(tmp_path):
  root = office_home_raw.write(tmp_path, side=4)
  folder = root / "OfficeHomeDataset" / "Real World" / "Webcam"
  (folder / "00003.jpg").write_bytes((folder / "00003.jpg").read_bytes()[:-60])
  (folder / "00004.jpg").write_bytes(b"")
  with pytest.raises(DataError, match="Webcam/00003.jpg cannot be decoded.*1 further images are damaged"):
    _open(root)


def test_damage_that_only_decoding_finds_is_met_before_the_first_task(tmp_path, monkeypatch):
  root = office_home_raw.write(tmp_path, side=4)
  monkeypatch.setattr(image_decoding, "check", lambda path: None)
  stream = _open(root)
  path = office_home_raw.path_of(root, stream.source_indices(9, "test")[0])
  path.write_bytes(b"damaged")
  with pytest.raises(DataError, match=f"{path.parent.name}/{path.name} cannot be decoded"):
    stream.load(0, "train")


def test_an_open_stream_loads_from_the_cache_without_checking_again(tmp_path, monkeypatch):
  root = office_home_raw.write(tmp_path, side=4)
  first = _open(root).load(2, "test").images

  def refuse(path, *unused, **unused_too):
    raise AssertionError(f"{path} was looked at again")

  monkeypatch.setattr(image_decoding, "check", refuse)
  monkeypatch.setattr(image_decoding, "decode_rgb", refuse)
  np.testing.assert_array_equal(_open(root).load(2, "test").images, first)


@pytest.mark.parametrize("name", ["00011.jpeg", "00011.JPG", "00011.JPEG"])
def test_other_spellings_of_the_suffix_are_read(tmp_path, name):
  root = office_home_raw.write(tmp_path, side=4)
  folder = root / "OfficeHomeDataset" / "Product" / "TV"
  shutil.copy(folder / "00001.jpg", folder / name)
  assert folder / name in _open(root).all_image_files()
  shutil.copy(folder / "00001.jpg", folder / "00001.jpeg")
  with pytest.raises(DataError, match="00001.jpg and 00001.jpeg beside it have one number|00001.jpeg and 00001.jpg"):
    _open(root)


def test_images_of_other_names_are_left_out_aloud(tmp_path, caplog):
  root = office_home_raw.write(tmp_path, side=4)
  folder = root / "OfficeHomeDataset" / "Product" / "TV"
  for name in ("00011.png", "extra.jpg", "Thumbs.db"):
    (folder / name).write_bytes(b"stray")
  with caplog.at_level("WARNING"):
    _open(root)
    _open(root)
  assert len(caplog.records) == 1
  assert "Left out because not named like 00001.jpg: 2 of" in caplog.text and "TV/00011.png" in caplog.text


def test_folders_that_cannot_be_read_are_one_line(tmp_path, monkeypatch):
  root = office_home_raw.write(tmp_path, side=4)
  list_folder = pathlib.Path.iterdir

  def closed(folder):  # permission bits do not stop the superuser
    if folder.name == "Marker":
      raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return list_folder(folder)

  monkeypatch.setattr(pathlib.Path, "iterdir", closed)
  with pytest.raises(DataError, match="Cannot read .*Product/Marker: Permission denied. Make it readable"):
    _open(root)
  with pytest.raises(DataError, match="File name too long.*--data_dir"):
    _open("n" * 300)

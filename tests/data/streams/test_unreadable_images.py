"""Images damaged in mid-file, which header and end do not show: refused with the file and the binding, or left out."""

import shutil

import numpy as np
import pytest
from PIL import Image

from lasem_tf import types
from lasem_tf.data import sources
from lasem_tf.data.readers import prepared_images
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams.own_files import FolderStream, TableStream
from tests.data import photographs

_BROKEN = ("ant/003.jpg", "bee/007.png")


@pytest.fixture(name="sound", scope="module")
def _sound(tmp_path_factory):
  """Two classes of ten images, of which those of `bee` are PNG."""
  root = photographs.write(tmp_path_factory.mktemp("sound") / "photos", photographs.CLASSES[:2])
  for path in (root / "bee").iterdir():
    with Image.open(path) as image:
      image.save(path.with_suffix(".png"))
    path.unlink()
  return root


@pytest.fixture(name="broken")
def _broken(sound, tmp_path):
  """A copy with one JPEG and one PNG whose middle is overwritten."""
  root = shutil.copytree(sound, tmp_path / "photos")
  for name, byte in zip(_BROKEN, (b"\xff", b"\0")):
    content = bytearray((root / name).read_bytes())
    middle = len(content) // 2
    content[middle:middle + 64] = byte * 64
    (root / name).write_bytes(content)
  return root


def _open(root, cache, **bindings):
  return FolderStream(StreamContext(cache_dir=str(cache)), str(root),
                      **{"num_tasks": 1, "image_size": 8, "split": (0.6, 0.2, 0.2), **bindings})


def _load_all(stream):
  return {split: stream.load(0, split) for split in types.SPLITS}


def test_they_are_refused_with_the_file_and_the_binding_before_anything_is_trained(broken, tmp_path):
  stream = _open(broken, tmp_path)
  for split in types.SPLITS:
    with pytest.raises(DataError, match=r"(003.jpg|007.png) cannot be decoded .* Or bind FolderStream.skip_unreadable "
                                        "= True to leave such files out") as error:
      stream.load(0, split)
    assert "\n" not in str(error.value)


def test_they_are_left_out_where_one_says_so(broken, tmp_path, caplog, monkeypatch):
  decoded, resized = [], prepared_images.resized
  monkeypatch.setattr(prepared_images, "resized", lambda path, *rest: decoded.append(path) or resized(path, *rest))
  sources.warn_once.cache_clear()
  stream = _open(broken, tmp_path, skip_unreadable=True)
  assert "2 unreadable files are left out" in caplog.text and all(name in caplog.text for name in _BROKEN)
  loaded = _load_all(stream)
  assert sum(len(split.labels) for split in loaded.values()) == 18
  assert len(decoded) == 20 == len(set(decoded))  # No image was decoded twice.
  again = _open(broken, tmp_path, skip_unreadable=True)
  assert again.data_fingerprint == stream.data_fingerprint and {path.name for path in decoded[20:]} == {
      "003.jpg", "007.png"}
  for split in types.SPLITS:
    np.testing.assert_array_equal(again.load(0, split).images, loaded[split].images)


def test_a_file_that_was_repaired_is_back(broken, sound, tmp_path):
  assert len(_open(broken, tmp_path, skip_unreadable=True).all_image_files()) == 18
  for name in _BROKEN:
    shutil.copy(sound / name, broken / name)
  repaired, plain = _open(broken, tmp_path, skip_unreadable=True), _open(sound, tmp_path)
  assert repaired.data_fingerprint == plain.data_fingerprint
  assert repaired.design_fingerprint == plain.design_fingerprint
  for split in types.SPLITS:
    np.testing.assert_array_equal(repaired.load(0, split).images, plain.load(0, split).images)


def test_rows_of_a_table_are_treated_alike(broken, tmp_path):
  table = broken / "table.csv"
  table.write_text("path,label,task\n" + "".join(f"{path.parent.name}/{path.name},{path.parent.name},only\n"
                                                 for path in sorted(broken.glob("*/*.*"))))
  context = StreamContext(cache_dir=str(tmp_path))
  with pytest.raises(DataError, match="cannot be decoded .* Or bind TableStream.skip_unreadable = True"):
    TableStream(context, str(table), image_size=8, split=(0.6, 0.2, 0.2)).load(0, "train")
  skipping = TableStream(context, str(table), image_size=8, split=(0.6, 0.2, 0.2), skip_unreadable=True)
  assert sum(len(split.labels) for split in _load_all(skipping).values()) == 18


def test_a_folder_of_damaged_images_alone_is_refused(tmp_path):
  for name in ("ant", "bee"):
    (tmp_path / "photos" / name).mkdir(parents=True)
    (tmp_path / "photos" / name / "a.jpg").write_bytes(b"no image")
  with pytest.raises(DataError, match="None of the 2 images can be read; the first: .*ant/a.jpg cannot be decoded"):
    _open(tmp_path / "photos", tmp_path, skip_unreadable=True)

"""Folders of photographs as people have them: files of every kind, links, splits of domains, classes in two tasks."""

import logging
import shutil

import numpy as np
import pytest
from PIL import Image

from lasem_tf import types
from lasem_tf.data import sources
from lasem_tf.data.stream import StreamContext
from lasem_tf.data.streams.own_files import FolderStream, TableStream
from tests.data import photographs

_SIDE = 8


def _open(root, cache, **bindings):
  return FolderStream(StreamContext(cache_dir=str(cache)), str(root), **{"image_size": _SIDE, **bindings})


def _turned_left(number: int) -> Image.Image:
  """A picture of two flat halves that tells how it is turned."""
  pixels = np.full((_SIDE, _SIDE, 3), 40 + 20 * number, np.uint8)
  pixels[:, :_SIDE // 2] = 255 - 20 * number
  return Image.fromarray(pixels)


def _write_kinds(folder) -> dict[str, np.ndarray]:
  """One file of each kind; returns the pixels, 0 to 255, that a stream must make of them, by the name of the file."""
  exif = Image.Exif()
  exif[0x0112] = 6  # stored turned to the left by a quarter
  plain = [_turned_left(number) for number in range(6)]
  expected = [np.asarray(image) for image in plain]
  folder.mkdir(parents=True)
  plain[0].save(folder / "exif.png", exif=exif)
  expected[0] = np.rot90(expected[0], -1)
  plain[1].quantize(2).save(folder / "palette.png")
  grey = np.asarray(plain[2].convert("L"))
  Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "sixteen.png")
  plain[3].convert("L").save(folder / "grey.bmp")
  expected[2:4] = [np.repeat(np.asarray(image.convert("L"))[..., np.newaxis], 3, axis=2) for image in plain[2:4]]
  clear = plain[4].convert("RGBA")
  clear.putalpha(Image.fromarray(np.tril(np.full((_SIDE, _SIDE), 255, np.uint8))))
  clear.save(folder / "rgba.webp", lossless=True)
  expected[4] = np.where(np.asarray(clear)[..., 3:] == 255, expected[4], 255)
  plain[5].save(folder / "moving.gif", save_all=True, append_images=plain[:2])
  return dict(zip(("exif.png", "palette.png", "sixteen.png", "grey.bmp", "rgba.webp", "moving.gif"), expected))


def test_a_folder_of_all_kinds_of_files_is_one_of_pictures(tmp_path):
  root = tmp_path / "photos"
  expected = {name: _write_kinds(root / name) for name in ("ant", "bee")}
  stream = _open(root, tmp_path, num_tasks=1, split=(0.4, 0.3, 0.3), normalization="none")
  files = {index: path for path, index in stream._indices.items()}
  seen = set()
  for split in types.SPLITS:
    loaded = stream.load(0, split)
    for image, label, index in zip(loaded.images, loaded.labels, loaded.indices):
      path = files[index]
      seen.add(path)
      assert path.parent.name == ("ant", "bee")[label]
      np.testing.assert_allclose(image * 255, expected[path.parent.name][path.name], atol=1e-4, err_msg=str(path))
  assert len(seen) == 12


def test_domains_below_folders_of_splits(tmp_path):
  root = tmp_path / "photos"
  for split, per_class in (("train", 4), ("val", 2), ("test", 3)):
    for domain in ("studio", "sketch"):
      photographs.write(root / split / domain, photographs.CLASSES[:2 if domain == "studio" else 3], per_class)
  stream = _open(root, tmp_path)
  assert [(task.details["domain"], task.num_classes) for task in stream.tasks] == [("sketch", 3), ("studio", 2)]
  assert stream.counts() == {"train": [12, 8], "validation": [6, 4], "test": [9, 6]}
  assert stream.protocol["split"] == "fixed" and stream.load(1, "test").images.shape == (6, _SIDE, _SIDE, 3)
  for task, domain in enumerate(("sketch", "studio")):
    for split, name in zip(types.SPLITS, ("train", "val", "test")):
      indices = {*stream.source_indices(task, split)}
      assert {path.relative_to(root).parts[:2] for path, index in stream._indices.items() if index in indices} == {
          (name, domain)}


def test_a_class_in_two_tasks_is_said(tmp_path, caplog):
  root = photographs.write(tmp_path / "photos", photographs.CLASSES[:3])
  sources.warn_once.cache_clear()
  with caplog.at_level(logging.WARNING):
    stream = _open(root, tmp_path, tasks=(("ant", "bee"), ("bee", "cow")))
  assert "1 of 3 labels occur in several tasks, such as 'bee' in tasks 0, 1: an image has the same split" in caplog.text
  train, test = ({*stream.source_indices(task, split)} for task, split in ((0, "train"), (1, "test")))
  assert not train & test


@pytest.mark.parametrize("kind", ["folder", "table"])
def test_links_that_lead_out_are_followed(tmp_path, kind):
  """Whoever links a file means it: it is read as if it lay there, and its content counts in fingerprints."""
  elsewhere = photographs.write(tmp_path / "elsewhere", photographs.CLASSES[:2])
  root = tmp_path / "photos"
  root.mkdir()
  (root / "ant").symlink_to(elsewhere / "ant", target_is_directory=True)
  (root / "bee").mkdir()
  for path in (elsewhere / "bee").iterdir():
    (root / "bee" / path.name).symlink_to(path)
  copied = shutil.copytree(root, tmp_path / "copied" / "photos", symlinks=False)

  def open_(place):
    if kind == "folder":
      return _open(place, tmp_path, num_tasks=1)
    rows = [f"{name}/{number:03}.jpg,{name},only" for name in ("ant", "bee") for number in range(10)]
    (place / "list.csv").write_text("\n".join(["path,label,task", *rows]))
    return TableStream(StreamContext(cache_dir=str(tmp_path)), str(place / "list.csv"), image_size=_SIDE)

  assert open_(root).data_fingerprint == open_(copied).data_fingerprint
  np.testing.assert_array_equal(open_(root).load(0, "train").images, open_(copied).load(0, "train").images)

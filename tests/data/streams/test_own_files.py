"""Streams of a user's own photographs, in folders and in tables: tasks, splits, pixels, fingerprints, bad input."""

import csv
import json
import logging
import shutil

import numpy as np
import pytest
from PIL import Image

from benchmark.execution import planning
from lasem_tf import types
from lasem_tf.data import overlap, preprocessing as preprocessing_lib, sources
from lasem_tf.data.readers import image_folders, prepared_images
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams.own_files import FolderStream, TableStream
from tests.data import photographs


@pytest.fixture(name="photos", scope="module")
def _photos(tmp_path_factory):
  return photographs.write(tmp_path_factory.mktemp("own") / "photos", photographs.CLASSES[:6])


@pytest.fixture(name="context")
def _context(tmp_path_factory):
  return StreamContext(cache_dir=str(tmp_path_factory.getbasetemp() / "own_cache"))


def _folder(root, context, **bindings):
  return FolderStream(context, str(root), **{"image_size": 8, **bindings})


def _table(path, rows, columns=("path", "label", "task")):
  with open(path, "w", newline="") as file:
    csv.writer(file).writerows([columns, *rows])
  return path


def _rows(*tasks, number=10):
  """Rows for tasks that are given as (name, classes)."""
  return [(f"{label}/{image:03}.jpg", label, task) for task, labels in tasks for label in labels
          for image in range(number)]


def _read_table(path, context, **bindings):
  return TableStream(context, str(path), **{"image_size": 8, **bindings})


@pytest.mark.parametrize("bindings, expected", [
    ({"num_tasks": 3}, ["ant bee", "cow dog", "elk fox"]), ({"num_tasks": 2}, ["ant bee cow", "dog elk fox"]),
    ({"classes_per_task": 4}, ["ant bee cow dog", "elk fox"]), ({"classes_per_task": 5}, ["ant bee cow dog elk"]),
    ({"num_tasks": 2, "classes_per_task": 2}, ["ant bee", "cow dog"]),
    ({"tasks": (("fox", "ant"), ("ant", "bee", "cow"))}, ["fox ant", "ant bee cow"])])
def test_classes_of_a_folder_make_tasks(photos, context, bindings, expected):
  stream = _folder(photos, context, **bindings)
  assert [" ".join(task.class_names) for task in stream.tasks] == expected
  assert stream.counts() == {split: [each * len(task.class_names) for task in stream.tasks]
                             for split, each in (("train", 6), ("validation", 1), ("test", 3))}
  assert stream.display_name == "photos" and stream.image_shape == (8, 8, 3)


def test_images_are_those_of_their_labels_and_prepared_as_new_ones_are(photos, context):
  stream = _folder(photos, context, num_tasks=3)
  rule = preprocessing_lib.Preprocessing.from_json(json.loads(json.dumps(stream.preprocessing(1).to_json())))
  loaded = stream.load(1, "test")
  assert loaded.images.dtype == np.float32 and loaded.labels.dtype == np.int32 and loaded.indices.dtype == np.int64
  files = {index: path for path, index in stream._indices.items()}
  for image, label, index in zip(loaded.images, loaded.labels, loaded.indices):
    assert files[index].parent.name == stream.tasks[1].class_names[label]
    np.testing.assert_array_equal(prepared_images.read(files[index], rule), image)
  train = stream.load(1, "train").images
  np.testing.assert_allclose(train.mean(axis=(0, 1, 2)), 0, atol=1e-5)
  np.testing.assert_allclose(train.std(axis=(0, 1, 2)), 1, atol=1e-5)
  assert _folder(photos, context, num_tasks=3, normalization="none").load(1, "train").images.min() >= 0


def test_splits_depend_on_seed_and_class_alone(photos, context):
  stream, again = (_folder(photos, context, num_tasks=3) for _ in range(2))
  assert stream.data_fingerprint == again.data_fingerprint
  other = _folder(photos, StreamContext(seed=1, cache_dir=context.cache_dir), num_tasks=3)
  assert other.design_fingerprint == stream.design_fingerprint and other.data_fingerprint != stream.data_fingerprint
  assert not any(overlap.shared_images(stream, task) for task in range(3))
  longer = _folder(photos, context, tasks=(("ant", "bee"), ("cow", "dog"), ("elk", "fox"), ("fox", "ant")))
  for split in types.SPLITS:
    for task in range(3):
      np.testing.assert_array_equal(longer.source_indices(task, split), stream.source_indices(task, split))
    first, last = ({*longer.source_indices(task, split)} for task in (0, 3))
    assert len(first & last) == len(first) / 2  # the images of the class that both tasks have


def test_an_altered_image_alters_the_data_fingerprint(context, tmp_path):
  root = photographs.write(tmp_path / "photos", photographs.CLASSES[:2], 6)
  def fingerprint():
    return _folder(root, context, num_tasks=1, split=(0.4, 0.3, 0.3)).data_fingerprint
  before = fingerprint()
  assert fingerprint() == before
  Image.fromarray(photographs.photograph(3, 3, (20, 30))).save(root / "ant" / "000.jpg")
  assert fingerprint() != before


def test_fixed_folders_of_splits(photos, context, tmp_path):
  for split, first, last in (("train", 0, 5), ("Val", 5, 7), ("test", 7, 10)):
    for name in photographs.CLASSES[:2]:
      (tmp_path / split / name).mkdir(parents=True)
      for number in range(first, last):
        shutil.copy(photos / name / f"{number:03}.jpg", tmp_path / split / name / f"{number:03}.jpg")
  stream = _folder(tmp_path, context, num_tasks=1)
  assert stream.counts() == {"train": [10], "validation": [4], "test": [6]}
  assert stream.protocol["split"] == "fixed"
  np.testing.assert_array_equal(sorted(stream.source_indices(0, "test")),
                                sorted(_folder(tmp_path, context, num_tasks=1).source_indices(0, "test")))
  shutil.rmtree(tmp_path / "Val")
  with pytest.raises(DataError, match="none of validation: add it, or move the classes up"):
    _folder(tmp_path, context, num_tasks=1)


def test_files_that_are_in_several_splits_are_told_without_decoding(photos, context, tmp_path):
  for split in ("train", "val", "test"):
    for name in photographs.CLASSES[:2]:
      shutil.copytree(photos / name, tmp_path / split / name)
  shared = _folder(tmp_path, context, num_tasks=1)
  found = planning.shared_images(shared)
  assert len(found) == 3 and found[0] == ("Warning: stream folder: Task 0: 20 of 20 validation images are also train "
                                          "images. Give every split images of its own.")
  assert not shared._is_decoded and not planning.shared_images(_folder(photos, context, num_tasks=3))


def test_domains_are_tasks_of_the_same_classes(photos, context, tmp_path):
  for domain in ("photo", "art"):
    for name in ("ant", "bee"):
      shutil.copytree(photos / name, tmp_path / domain / name)
  stream = _folder(tmp_path, context)
  assert [(task.details["domain"], task.class_names) for task in stream.tasks] == [
      ("art", ("ant", "bee")), ("photo", ("ant", "bee"))]
  assert not {*stream.source_indices(0, "train")} & {*stream.source_indices(1, "train")}
  ordered = _folder(tmp_path, context, domains=("photo", "art"))
  assert [task.details["domain"] for task in ordered.tasks] == ["photo", "art"]
  with pytest.raises(ValueError, match="each is a task: do not bind FolderStream.classes_per_task or"):
    _folder(tmp_path, context, classes_per_task=2)
  with pytest.raises(ValueError, match="FolderStream.num_tasks must be a whole number from 1 to 2, .* not 3"):
    _folder(tmp_path, context, num_tasks=3)
  with pytest.raises(DataError, match=r"holds art, photo. Name some of them"):
    _folder(tmp_path, context, domains=("art", "clipart"))


def test_rotations_and_permutations_repeat_the_same_images(photos, context):
  turned = _folder(photos, context, num_tasks=1, rotations=(0, 90))
  assert [task.details["rotation"] for task in turned.tasks] == [0, 90]
  for split in types.SPLITS:
    plain, quarter = (turned.load(task, split) for task in (0, 1))
    plain, quarter = (split.images[np.argsort(split.indices)] for split in (plain, quarter))
    np.testing.assert_array_equal(quarter, np.rot90(plain, 1, axes=(1, 2)))
  permuted = _folder(photos, context, num_tasks=2, num_permutations=3)
  assert [task.details["permutation"] for task in permuted.tasks] == [0, 0, 1, 1, 2, 2]
  first, *others = (permuted.load(task, "test") for task in (0, 2, 4))
  first = first.images[np.argsort(first.indices)].reshape(-1, 64, 3)
  for task, other in zip((2, 4), others):
    order = permuted.preprocessing(task).pixel_order()
    np.testing.assert_array_equal(other.images[np.argsort(other.indices)].reshape(-1, 64, 3), first[:, order])
  seeds = {permuted.preprocessing(task).permutation_seed for task in range(6)}
  assert len(seeds) == 3
  other_trial = _folder(photos, StreamContext(seed=4, cache_dir=context.cache_dir), num_tasks=2, num_permutations=3)
  assert other_trial.preprocessing(2).permutation_seed == permuted.preprocessing(2).permutation_seed


def test_a_table_says_tasks_labels_and_splits(photos, context):
  rows = _rows(("second", ("dog", "cow")), ("first", ("ant", "bee", "elk")))
  stream = _read_table(_table(photos / "list.csv", rows), context)
  assert [(task.details["task"], task.class_names) for task in stream.tasks] == [
      ("second", ("dog", "cow")), ("first", ("ant", "bee", "elk"))]
  assert stream.counts() == {"train": [12, 18], "validation": [2, 3], "test": [6, 9]}
  split_of = {number: split for number, split in enumerate(["train"] * 5 + ["val"] * 2 + ["Test"] * 3)}
  fixed = [(*row, split_of[number % 10], "web") for number, row in enumerate(rows)]
  stream = _read_table(_table(photos / "fixed.csv", fixed, ("path", "label", "task", "split", "domain")), context)
  assert stream.counts() == {"train": [10, 15], "validation": [4, 6], "test": [6, 9]}
  assert [task.details["domain"] for task in stream.tasks] == ["web", "web"]


def test_labels_in_two_tasks_are_allowed_and_said(photos, context, caplog):
  sources.warn_once.cache_clear()
  rows = _rows(("a", ("ant", "bee")), ("b", ("bee", "cow")))
  with caplog.at_level(logging.WARNING):
    stream = _read_table(_table(photos / "shared.csv", rows), context)
  assert "1 of 3 labels occur in several tasks, such as 'bee' in tasks 0, 1" in caplog.text
  train, test = ({*stream.source_indices(task, split)} for task, split in ((0, "train"), (1, "test")))
  assert not train & test


def _folder_problem(change, **bindings):
  def build(root, context):
    change(root)
    return _folder(root, context, **{"num_tasks": 1, **bindings})
  return build


def _write(path, content=b"no image"):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_bytes(content)


def _remove_class(root):
  shutil.rmtree(root / "bee")


def _empty(root):
  shutil.rmtree(root)
  root.mkdir()


@pytest.mark.parametrize("build, message", [
    (_folder_problem(lambda root: [(root / "ant" / f"{n:03}.jpg").unlink() for n in range(8)]),
     "class 'ant' of task 0 has 2 images, too few for shares of 0.6/0.1/0.3: none is left for validation and test."),
    (_folder_problem(_remove_class), "one class only, 'ant': there is nothing to tell apart. Add a second class"),
    (_folder_problem(lambda root: _write(root / "bee" / "x.jpg")),
     "bee/x.jpg cannot be decoded: it is no image .* Or bind FolderStream.skip_unreadable = True"),
    (_folder_problem(lambda root: (root / "cat").symlink_to("unmounted")), "photos/cat is a symbolic link that leads"),
    (_folder_problem(lambda root: (root / "bee" / "x.jpg").symlink_to("x.jpg")), "bee/x.jpg is a symbolic link that"),
    (_folder_problem(_empty), "photos holds no folder. An image belongs into <root>/<class>/"),
    (_folder_problem(lambda root: (root / "cat").mkdir()), "photos/cat is empty: it holds no image"),
    (_folder_problem(shutil.rmtree), "FolderStream.root = .*: there is none. Searched: .*--data_dir"),
    (_folder_problem(lambda root: _write(root / "web" / "cat" / "a.jpg")),
     "ant holds no folders, but .*web does: either all folders .* Move or remove one"),
    (_folder_problem(lambda root: _write(root / "a.jpg")), "a.jpg lies beside folders, outside any class"),
    (_folder_problem(lambda root: (root / "train").mkdir()), "a folder of each split .* must stand alone there"),
    (_folder_problem(lambda root: None, num_tasks=2), "holds 2 classes, too few for the tasks of FolderStream"),
    (_folder_problem(lambda root: None, num_tasks=None), "nothing says how they make tasks: bind"),
    (_folder_problem(lambda root: None, tasks=(("ant", "cat"),), num_tasks=None), "holds no class 'cat'"),
    (_folder_problem(lambda root: None, tasks=(("ant",),), num_tasks=None), "task 0 must name at least two classes"),
    (_folder_problem(lambda root: None, split=(0.9, 0.1, 0.1)), "FolderStream.split must be three positive shares"),
    (_folder_problem(lambda root: None, split=(0.5, 0.5)), "FolderStream.split must be three positive shares"),
    (_folder_problem(lambda root: None, fit="squeeze"), "FolderStream.fit must be one of 'stretch', 'crop', 'pad'"),
    (_folder_problem(lambda root: None, rotations=(0, 45)), "FolderStream.rotations must be different ones of"),
    (_folder_problem(lambda root: None, rotations=(0,), num_permutations=2), "FolderStream.num_permutations"),
])
def test_bad_folders_and_bindings_are_refused_in_one_line(build, message, context, tmp_path):
  root = photographs.write(tmp_path / "photos", photographs.CLASSES[:2])
  with pytest.raises(ValueError, match=message) as error:
    build(root, context)
  assert "\n" not in str(error.value)


def test_images_below_a_folder_are_all_found_once(tmp_path):
  root = photographs.write(tmp_path / "new", photographs.CLASSES[:1], 2)
  elsewhere = photographs.write(tmp_path / "elsewhere", photographs.CLASSES[1:2], 1)
  (root / "linked").symlink_to(elsewhere)
  (root / "ant" / "again").symlink_to(root)
  (root / "ant" / "folder.jpg").mkdir()
  for name in ("._000.jpg", "notes.txt", ".hidden/a.jpg"):
    _write(root / "ant" / name)
  found = [str(path.relative_to(root)) for path in image_folders.images_below(root)]
  assert found == ["ant/000.jpg", "ant/001.jpg", "linked/bee/000.jpg"]
  (root / "b").symlink_to("unmounted")
  with pytest.raises(DataError, match="new/b is a symbolic link that leads nowhere"):
    image_folders.images_below(root)


def test_unreadable_images_are_left_out_where_one_says_so(context, tmp_path, caplog):
  root = photographs.write(tmp_path / "photos", photographs.CLASSES[:2])
  _write(root / "ant" / "broken.png")
  stream = _folder(root, context, num_tasks=1, skip_unreadable=True)
  assert "1 unreadable files are left out" in caplog.text and "ant/broken.png" in caplog.text
  assert sum(sum(counts) for counts in stream.counts().values()) == 20


@pytest.mark.parametrize("rows, columns, message", [
    ([("ant/000.jpg", "ant")], ("path", "label"), "lacks the column task: its first line must name the columns path"),
    ([], ("path", "label", "task"), "has no rows below its header"),
    ([("ant/000.jpg", "ant", "a")] * 2, None, "rows 1 and 2 below the header are duplicates: both put .*ant/000.jpg"),
    ([("../ant.jpg", "ant", "a")], None, "line 2: ../ant.jpg lies outside"),
    ([("/etc/ant.jpg", "ant", "a")], None, "line 2: /etc/ant.jpg lies outside"),
    ([("ant/999.jpg", "ant", "a")], None, "line 2: there is no file .*ant/999.jpg"),
    ([("ant/000.jpg", "", "a")], None, "line 2: label is empty"),
    ([("ant/000.jpg", "ant", "a", "b", "c")], None, "line 2: there are more values than columns"),
    ([("ant/000.jpg", "ant", "a", "both")], ("path", "label", "task", "split"), "split is 'both'; write train, val or"),
    ([("ant/000.jpg", "ant", "a"), ("ant/000.jpg", "bug", "b")], None, "has the label 'ant' in task 'a' and 'bug'"),
    (_rows(("a", ("ant",))), None, "task 'a' has one class only, 'ant'"),
    (_rows(("a", ("ant", "bee")), number=3), None, "class 'ant' of task 0 has 3 images, too few for shares"),
])
def test_bad_tables_are_refused_in_one_line(photos, context, rows, columns, message):
  path = _table(photos / "bad.csv", rows, columns or ("path", "label", "task"))
  with pytest.raises(DataError, match=message) as error:
    _read_table(path, context)
  assert "\n" not in str(error.value) and "bad.csv" in str(error.value)


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_is_refused_where_a_folder_is_needed_and_the_reverse(photos, context, number):
  with pytest.raises(DataError, match=("is a file; name a folder", "is no CSV file|Cannot read")[number]):
    if number:
      _read_table(photos, context)
    else:
      _folder(photos / "ant" / "000.jpg", context)

"""`benchmark.data init`: what it looks at, what it writes, and that it overwrites nothing."""

import shutil
import struct
import zlib

import pytest

from benchmark import data
from benchmark.inspection import starting_files
from benchmark.suites import gin_text, open_stream, suite
from lasem_tf.data.stream import StreamContext
from tests.data import photographs


def _run(*arguments) -> int:
  try:
    return data.main(["benchmark.data", "init", *map(str, arguments)])
  except SystemExit as error:
    return error.code


def _bound(path):
  return gin_text.Reader().read([str(path)]).values


def test_a_folder_gets_a_stream_and_a_suite_once(capsys, monkeypatch, tmp_path):
  monkeypatch.chdir(tmp_path)
  photographs.write(tmp_path / "my photos", photographs.CLASSES, 6)
  assert _run("my photos") == 0
  output = capsys.readouterr().out
  assert "Found 72 images of 12 classes, 6 to 6 each" in output and "benchmark.run --gin_file=suite.gin" in output
  values = _bound("streams/my_photos.gin")
  assert values["FolderStream.root"] == "my photos" and values["FolderStream.num_tasks"] == 4
  assert values["FolderStream.split"] == (0.6, 0.2, 0.2) and values["IMAGE_SIZE"] == 32
  assert values["BATCH_SIZE"] == 10  # the training images of a task
  the_suite, runs = suite.load(["suite.gin"])
  assert the_suite.streams == ("my_photos",) and [run.learner for run in runs[::2]] == ["stl", "hps_all", "lasem_hps"]
  stream = open_stream.load_stream("my_photos", StreamContext(cache_dir=str(tmp_path / "cache")))
  assert stream.num_tasks == 4 and stream.counts()["train"] == [12] * 4
  before = (tmp_path / "suite.gin").read_text()
  shutil.rmtree("streams")
  assert _run("my photos") == 2
  assert "suite.gin exists, and nothing is overwritten" in capsys.readouterr().err
  assert (tmp_path / "suite.gin").read_text() == before and not (tmp_path / "streams").exists()


def test_domains_and_tables_say_their_tasks_themselves(tmp_path, capsys):
  for domain in ("art", "web"):
    photographs.write(tmp_path / "photos" / domain, photographs.CLASSES[:3], 10)
  assert _run(tmp_path / "photos", f"--output_dir={tmp_path / 'one'}") == 0
  values = _bound(tmp_path / "one" / "streams" / "photos.gin")
  assert "FolderStream.num_tasks" not in values and values["BATCH_SIZE"] == 16
  rows = [f"art/{name}/{n:03}.jpg,{name},t{n % 2}" for name in photographs.CLASSES[:2] for n in range(10)]
  table = tmp_path / "photos" / "table.csv"
  table.write_text("\n".join(["path,label,task", *rows]))
  assert _run(table, f"--output_dir={tmp_path / 'two'}") == 0
  values = _bound(tmp_path / "two" / "streams" / "own_table.gin")
  assert values["TableStream.table"] == str(table) and values["BATCH_SIZE"] == 6
  assert f"Next, in {tmp_path / 'two'}" in capsys.readouterr().out


def test_fixed_splits_are_not_drawn_anew(monkeypatch, tmp_path):
  monkeypatch.chdir(tmp_path)
  for split, per_class in (("train", 4), ("val", 1), ("test", 2)):
    photographs.write(tmp_path / "photos" / split, photographs.CLASSES[:4], per_class)
  assert _run("photos") == 0
  values = _bound("streams/photos.gin")
  assert "FolderStream.split" not in values and values["FolderStream.num_tasks"] == 2
  assert values["BATCH_SIZE"] == 8  # the training images of a task
  stream = open_stream.load_stream("photos", StreamContext(cache_dir=str(tmp_path / "cache")))
  assert stream.counts() == {"train": [8, 8], "validation": [2, 2], "test": [4, 4]}


@pytest.mark.parametrize("num_classes, num_tasks", [(2, 1), (3, 1), (4, 2), (6, 3), (7, 3), (9, 3), (10, 5), (12, 4),
                                                    (65, 5), (100, 10)])
def test_tasks_are_equal_where_that_is_possible(num_classes, num_tasks):
  assert starting_files.number_of_tasks(num_classes) == num_tasks


@pytest.mark.parametrize("arguments, message", [
    ((), "ROOT is missing"), (("nowhere",), "there is none. Searched"), (("one", "two"), "unexpected argument 'two'")])
def test_bad_calls_are_one_line(capsys, arguments, message):
  assert _run(*arguments) == 2
  assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_name_is_no_statement_and_no_command_to_the_terminal(capsys, tmp_path):
  root = photographs.write(tmp_path / "a\nimport antigravity\n\x1b[31m", photographs.CLASSES[:2], 5)
  assert _run(root, f"--output_dir={tmp_path / 'out'}") == 0
  (path,) = (tmp_path / "out" / "streams").iterdir()
  found = gin_text.Reader().read([str(path)])
  assert not found.imports and found.values["FolderStream.root"] == str(root) and "\x1b" not in path.read_text()
  assert "\x1b" not in capsys.readouterr().out


def test_an_image_of_an_impossible_size_is_left_to_the_stream(tmp_path):
  root = photographs.write(tmp_path / "photos", photographs.CLASSES[:2], 5)
  header = struct.pack(">4sIIBBBBB", b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0)
  (root / "ant" / "000.png").write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
                                         + struct.pack(">I", zlib.crc32(header)))
  assert _run(root, f"--output_dir={tmp_path / 'out'}") == 0


def test_too_few_images_or_classes_are_refused(capsys, tmp_path):
  for name, classes, number, message in (("few", 2, 3, "at least 4 to be split"), ("one", 1, 5, "one class only")):
    photographs.write(tmp_path / name, photographs.CLASSES[:classes], number)
    assert _run(tmp_path / name, f"--output_dir={tmp_path}") == 2
    assert message in capsys.readouterr().err

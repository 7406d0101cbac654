"""Files of runs are found behind links and read in UTF-8; names of files tell apart what they name."""

import os

import pytest

from benchmark.results import records, run_files
from benchmark.results.record_schema import RecordError
from tests.benchmark import synthetic_records


def _write(folder, learner="stl", seed=0):
  run = synthetic_records.record(learner=learner, seed=seed)
  return records.write_record(run, folder / run.identity)


def _found(folder):
  return [str(path.relative_to(folder)) for path in run_files.find(folder)]


def test_links_to_folders_are_followed_and_each_folder_is_read_once(tmp_path):
  _write(tmp_path / "elsewhere")
  _write(tmp_path / "results", learner="snn")
  learners = tmp_path / "results" / "cifar100"
  (learners / "stl").symlink_to(tmp_path / "elsewhere" / "cifar100" / "stl")
  (learners / "again").symlink_to(learners / "stl")
  (learners / "loop").symlink_to(tmp_path / "results")
  (learners / "itself").symlink_to(learners)
  found = records.load_records([tmp_path / "results"])
  assert [run.learner for run in found] == ["snn", "stl"]
  assert _found(tmp_path / "results")[0] == "cifar100/snn/smoke/seed0/record.json", "by its own path, not by the loop's"
  assert len(_found(tmp_path / "results")) == 2
  (tmp_path / "link").symlink_to(tmp_path / "results")
  assert len(_found(tmp_path / "link")) == 2


def test_a_link_that_leads_nowhere_is_named(tmp_path):
  _write(tmp_path)
  (tmp_path / "cifar100" / "snn").symlink_to(tmp_path / "gone")
  with pytest.raises(FileNotFoundError, match="cifar100/snn") as error:
    records.load_records([tmp_path])
  assert "leads nowhere" in error.value.strerror


def test_a_folder_that_cannot_be_read_is_not_left_out(tmp_path, monkeypatch):
  _write(tmp_path)
  scandir = os.scandir

  def refuse(path):
    if str(path).endswith("smoke"):
      raise PermissionError(13, "Permission denied", str(path))
    return scandir(path)

  monkeypatch.setattr(os, "scandir", refuse)
  with pytest.raises(PermissionError, match="smoke"):
    records.load_records([tmp_path])


def test_a_record_at_the_top_hides_no_runs_below(tmp_path):
  first = _write(tmp_path)
  _write(tmp_path, seed=1)
  (tmp_path / "record.json").write_bytes(first.read_bytes())
  (tmp_path / "checkpoints").mkdir()
  (tmp_path / "checkpoints" / "record.json").write_text("{}")
  assert [run.seed for run in records.load_records([tmp_path])] == [0, 1]


def test_file_names_are_short_and_tell_their_parts_apart():
  assert run_files.file_name("cifar100_20", "paper") == "cifar100_20-paper"
  parts = [("a_b", "c"), ("a-b", "c"), ("a", "b-c"), ("a[b]", "c"), ("a=b", "c"), ("_a", "c"), ("a", "c"),
           ("a__b", "c"), ("x" * 100, "y" * 100, "z" * 100),
           ("x" * 100, "y" * 100, "z" * 99)]
  names = [run_files.file_name(*each) for each in parts]
  assert len(set(names)) == len(parts)
  assert all(len(name) <= 129 and not set(name) & set("/[]= ") for name in names)


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path):
  (tmp_path / "a").write_bytes(b"\xef\xbb\xbf{}\n\n[]\n")
  assert run_files.read_text(tmp_path / "a") == "{}\n\n[]\n"
  assert list(run_files.read_lines(tmp_path / "a")) == [(f"{tmp_path / 'a'}, line 1", "{}\n"),
                                                        (f"{tmp_path / 'a'}, line 3", "[]\n")]
  path = _write(tmp_path / "runs")
  path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
  assert len(records.load_records([tmp_path / "runs"])) == 1


@pytest.mark.parametrize("read", [run_files.read_text, lambda path: list(run_files.read_lines(path))])
def test_what_cannot_be_read_is_named(tmp_path, read):
  (tmp_path / "latin").write_bytes("Müller".encode("latin-1"))
  with pytest.raises(RecordError, match="latin: not UTF-8 .*at byte 1"):
    read(tmp_path / "latin")
  os.mkfifo(tmp_path / "pipe")
  for path in (tmp_path, tmp_path / "pipe"):
    with pytest.raises(RecordError, match="cannot be read"):
      read(path)

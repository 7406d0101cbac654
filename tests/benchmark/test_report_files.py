"""What a report writes, removes, prints and refuses, tried on records without figures."""

import json

import pytest

from benchmark import report
from benchmark.results import records
from tests.benchmark.report_command import check, fails
from tests.benchmark.synthetic_records import constant


@pytest.fixture(name="small")
def fixture_small(tmp_path, monkeypatch):
  """A folder with one record; no figures are drawn."""
  monkeypatch.setattr(report.collection, "draw_all", lambda *_: ())
  records.write_collection([constant("stl", 0, .5)], tmp_path / "out" / "records.jsonl")
  return tmp_path / "out"


def _lists(folder, *names):
  assert report.main(["report", f"--results_dir={folder}"]) == 0
  settings = json.loads((folder / "report.json").read_text())
  (folder / "report.json").write_text(json.dumps({**settings, "files": [*settings["files"], *names]}))


def test_only_files_of_reports_are_removed(small, tmp_path, capsys):
  (small / "figures").mkdir()
  kept = [tmp_path / "precious.txt", tmp_path / "table.md", small / "records.md", small / "figures" / "notes.txt"]
  removed = small / "figures" / "old-pareto.svg"
  for path in (*kept, removed):
    path.write_text("precious")
  _lists(small, "../precious.txt", "../table.md", str(tmp_path / "precious.txt"), "records.md", "figures/notes.txt",
         "figures/../../precious.txt", "records.jsonl", "figures/old-pareto.svg", "figures")
  assert check(small) == 1
  output = capsys.readouterr().out
  assert "figures/old-pareto.svg: no longer produced" in output and "lists files that no report writes" in output
  assert "precious.txt: no" not in output
  assert report.main(["report", f"--results_dir={small}"]) == 0
  assert all(path.read_text() == "precious" for path in kept) and not removed.exists()
  assert (small / "records.jsonl").exists() and check(small) == 0


def test_a_report_written_again_keeps_its_settings_until_flags_name_others(small, capsys):
  command = ["report", f"--results_dir={small}"]
  stored = lambda: json.loads((small / "report.json").read_text())  # noqa: E731  short
  assert report.main([*command, "--title=Mine", "--baseline=stl", "--margin=2", "--allow_mixed_data"]) == 0
  first = stored()
  capsys.readouterr()
  assert report.main(command) == 0 and stored() == first
  assert ("As in the report that was here: title 'Mine', baseline 'stl', allow_mixed_data True."
          in capsys.readouterr().out)
  assert report.main([*command, "--title=Yours", "--baseline=", "--noallow_mixed_data"]) == 0
  changed = stored()
  assert (changed["title"], changed["baseline"], changed["allow_mixed_data"]) == ("Yours", None, False)
  assert changed["margin"] == 2.0 and check(small) == 0


def test_a_page_names_further_pages(small, capsys):
  command = ["report", f"--results_dir={small}"]
  link = "The certificate=../certificates/planted_medium_hps.md"
  assert report.main([*command, f"--links={link}", "--links=More=https://example.org/?a=b"]) == 0
  page = (small / "index.html").read_text()
  assert '<a href="../certificates/planted_medium_hps.md">The certificate</a>, ' in page
  assert '<a href="https://example.org/?a=b">More</a>.' in page and check(small) == 0
  for wrong in ("javascript:alert(1)", "x=javascript:alert(1)", "x=/etc/passwd", "=a.md", "x="):
    assert f"--links={wrong}: name words and an address" in fails(capsys, *command[1:], f"--links={wrong}")


def test_nothing_is_written_or_removed_behind_links(small, tmp_path, capsys):
  (tmp_path / "elsewhere").mkdir()
  (tmp_path / "elsewhere" / "old-pareto.svg").write_text("precious")
  (small / "figures").symlink_to(tmp_path / "elsewhere")
  assert "figures is a symbolic link" in fails(capsys, f"--results_dir={small}")
  (small / "figures").unlink()
  (tmp_path / "page").write_text("precious")
  (small / "index.html").symlink_to(tmp_path / "page")
  assert report.main(["report", f"--results_dir={small}"]) == 0
  assert (tmp_path / "page").read_text() == "precious" and "<html" in (small / "index.html").read_text()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 5}', '{"files": [5], "title": "x"}', "[" * 9999,
                                  '{"files": [], "title": 5}', '{"files": [], "title": "x", "paper_dir": 1}', "\xff"])
def test_damaged_settings_are_named(small, capsys, text):
  (small / "report.json").write_bytes(text.encode("latin-1"))
  for arguments in ((), ("--check",)):
    assert "report.json: not" in fails(capsys, f"--results_dir={small}", *arguments)


def test_errors_of_the_system_are_one_line(small, tmp_path, monkeypatch, capsys):
  for arguments in ((f"--results_dir={'x' * 300}",), (f"--results_dir={small}", f"--output_dir={'x' * 300}")):
    assert "File name too long; use a shorter name" in fails(capsys, *arguments)
  (tmp_path / "file").write_text("")
  assert "name another place" in fails(capsys, f"--results_dir={small}", f"--output_dir={tmp_path / 'file'}")
  (small / "cifar100").symlink_to(tmp_path / "gone")
  assert "cifar100: a symbolic link that leads nowhere" in fails(capsys, f"--results_dir={small}")
  (small / "cifar100").unlink()
  monkeypatch.setattr("tempfile.tempdir", "/no/such/folder")
  assert report.main(["report", f"--results_dir={small}"]) == 0 and check(small) == 0


def test_an_interrupt_ends_with_its_status(small, monkeypatch, capsys):
  def interrupt(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(report.records, "load_records", interrupt)
  with pytest.raises(SystemExit) as stop:
    report.main(["report", f"--results_dir={small}"])
  assert stop.value.code == 130 and capsys.readouterr().err == "Stopped.\n"


def test_the_terminal_gets_names_as_they_are_and_no_control_characters(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(report.collection, "draw_all", lambda *_: ())
  run = constant("my_method", 0, .5, display_name="my_data\x1b]0;title\x07")
  records.write_collection([run], tmp_path / "records.jsonl")
  assert report.main(["report", f"--results_dir={tmp_path}", "--title=a\x1b[0m"]) == 0
  output = capsys.readouterr().out
  assert "my_method" in output and "my_data�]0;title�" in output and "\\" not in output and "\x1b" not in output
  for path in tmp_path.glob("*.*"):
    assert not set(path.read_text()) & {"\x1b", "\x07"}, path

"""Tables, figures and one self-contained page from run records.

  python -m benchmark.report --results_dir=runs/smoke
  python -m benchmark.report --results_dir=runs/a --results_dir=runs/b --output_dir=reports/both --baseline=stl
  python -m benchmark.report --results_dir=reports/both --check

Reads the records of any number of folders (of `benchmark.run`, or collections of `benchmark.export --format=jsonl`) and
writes table.{md,csv,tex}, table_per_task.{md,csv,tex}, figures/*.{png,svg}, index.html and report.json (the settings)
to --output_dir. The same records give the same files, so --check can tell whether a report is up to date: it writes
nothing, takes the settings of the report it checks, and compares texts byte for byte and figures by the data they
draw. Needs no TensorFlow. A report of a hundred runs takes about ten seconds.

Exit status: 0 written, or up to date; 1 --check found the report stale, or a record changed or damaged; 2 a flag or a
record is wrong: records of another format, edited by hand, contradictory, not finite, or methods measured on different
data without --allow_mixed_data.
"""

import dataclasses
import json
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Sequence

from absl import flags

from benchmark import command_line
from benchmark.reporting import page, published as published_lib, tables
from benchmark.reporting.figures import collection, style
from benchmark.results import comparison, record_schema, records, run_details, run_files

SETTINGS_FILE = "report.json"
PAGE_FILE = "index.html"
_PAPER_DIR = pathlib.Path(__file__).resolve().parents[1] / "reports" / "paper"


@dataclasses.dataclass(frozen=True)
class Settings:
  """What decides a report besides the records.

  Attributes:
    title: heading of the page.
    baseline: learner that the others are tested against; None for none.
    allow_mixed_data: whether methods measured on other data are marked instead of refused.
    paper_dir: folder of published numbers.
  """

  title: str
  baseline: str | None = None
  allow_mixed_data: bool = False
  paper_dir: pathlib.Path = _PAPER_DIR


def write_report(found: Sequence[records.Record], output_dir: pathlib.Path, settings: Settings) -> list[str]:
  """Writes a report.

  Args:
    found: the records.
    output_dir: folder of the report; made if missing. Files of an earlier report that are no longer produced
      are removed.
    settings: see there.

  Returns:
    Names of the files written, relative to `output_dir`.

  Raises:
    RecordError: the records cannot be compared.
  """
  expected = comparison.expected_identities(found)
  panels = comparison.panels(found, expected, settings.baseline, settings.allow_mixed_data)
  published = page.Table("Published numbers", *_published(published_lib.load(settings.paper_dir), panels))
  details = run_details.load_details(found)
  tables.write_suite_tables(found, output_dir, expected, settings.baseline, settings.allow_mixed_data)
  written = [f"{stem}.{ending}" for stem in ("table", "table_per_task") for ending in ("md", "csv", "tex")]
  figures = []
  for figure in collection.draw_all(found, panels, details):
    style.save(figure, output_dir / "figures")
    figures.append(dataclasses.replace(figure, figure=None))
    written += [f"figures/{figure.name}.png", f"figures/{figure.name}.svg"]
  per_task = [page.Table(title, columns, [(line[0].value, panel.stream, line) for line in rows], panel.stream)
              for panel, title, columns, rows in tables.per_task_tables(panels, tables.per_task_estimates(found))]
  content = page.PageContent(settings.title, found, panels, per_task, published, figures, output_dir / "figures",
                             details)
  records.write_atomically(output_dir / PAGE_FILE, page.render(content))
  written = sorted([*written, PAGE_FILE])
  for name in set(_read_settings(output_dir).get("files", [])) - set(written):
    (output_dir / name).unlink(missing_ok=True)
  stored = {**dataclasses.asdict(settings), "paper_dir": _stored_paper_dir(settings.paper_dir, output_dir)}
  text = json.dumps({**stored, "files": written}, indent=1) + "\n"
  records.write_atomically(output_dir / SETTINGS_FILE, text)
  return written


def differences(output_dir: pathlib.Path, found: Sequence[records.Record], settings: Settings) -> list[str]:
  """What a report would have to change to be up to date, one text per file."""
  with tempfile.TemporaryDirectory() as folder:
    fresh = pathlib.Path(folder)
    written = write_report(found, fresh, settings)
    known = _read_settings(output_dir).get("files", [])
    changes = [f"{name}: no longer produced" for name in known if name not in written]
    for name in written:
      if not (output_dir / name).exists():
        changes.append(f"{name}: missing")
      elif _comparable(output_dir / name) != _comparable(fresh / name):
        changes.append(f"{name}: differs")
    return changes


def _published(numbers, panels):
  columns, rows = published_lib.comparison_table(numbers, panels)
  return columns, [(line[2].value, line[3].value, line) for line in rows]


def _comparable(path: pathlib.Path):
  """The content, with drawings reduced to the digest of their data: fonts and versions of Matplotlib may differ."""
  content = path.read_bytes()
  if path.suffix == ".png":
    found = re.search(rb"Description\x00([0-9a-f]{64})", content)
    return found and found[1]
  if path.suffix == ".svg":
    found = re.search(rb"<dc:description>([0-9a-f]{64})</dc:description>", content)
    return found and found[1]
  if path.suffix == ".html":
    return re.sub(rb'<svg .*?data-digest="([0-9a-f]{64})".*?</svg>', rb"\1", content, flags=re.DOTALL)
  return content


def _read_settings(folder: pathlib.Path) -> dict:
  path = folder / SETTINGS_FILE
  return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _stored_paper_dir(paper_dir: pathlib.Path, output_dir: pathlib.Path) -> str | None:
  """None for the shipped numbers, wherever they lie; else the way from the report, so that both can move together."""
  if paper_dir.resolve() == _PAPER_DIR:
    return None
  try:
    return pathlib.Path(os.path.relpath(paper_dir.resolve(), output_dir.resolve())).as_posix()
  except ValueError:  # On another drive.
    return str(paper_dir.resolve())


def _paper_dir(given: str | None, stored: str | None, output_dir: pathlib.Path) -> pathlib.Path:
  if not given and not stored:
    return _PAPER_DIR
  path = pathlib.Path(given) if given else output_dir.resolve() / stored
  if not path.is_dir():
    raise record_schema.RecordError(f"{path}: no such folder of published numbers; name another by --paper_dir.")
  return path


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_multi_string("results_dir", [], "Folder with records, at any depth. May be repeated.",
                            flag_values=values)
  flags.DEFINE_string(
      "output_dir", None, "Folder of the report. Default: a results folder that holds a collection is its own "
      "report; else reports/<name of the results folder>.", flag_values=values)
  flags.DEFINE_string("baseline", None, "Learner that the others are tested against, e.g. stl.", flag_values=values)
  flags.DEFINE_string("title", None, "Heading of the page. Default: the folder's name.", flag_values=values)
  flags.DEFINE_string("paper_dir", None, "Folder of published numbers. Default: the shipped reports/paper.",
                      flag_values=values)
  flags.DEFINE_bool("check", False, "Write nothing; say whether the report is up to date.", flag_values=values)
  flags.DEFINE_bool(
      "allow_mixed_data", False, "Show methods measured on different data, or with several settings, in one table, "
      "marked.", flag_values=values)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  if not values.results_dir:
    command_line.fail("--results_dir is missing: name the --output_dir of a suite, such as --results_dir=runs/smoke.")
  return command_line.run_or_fail(lambda: _run(values), (record_schema.RecordError, OSError))


def _run(values: flags.FlagValues) -> int:
  output_dir = pathlib.Path(values.output_dir) if values.output_dir else _default_output(values.results_dir)
  try:
    found = records.load_records(values.results_dir)
  except record_schema.RecordError as error:
    if not values.check or isinstance(error, record_schema.NoRecordsError):
      raise
    print(f"{output_dir} is not up to date: {error}")
    return 1
  stored = _read_settings(output_dir)
  if values.check and not stored:
    command_line.fail(
        f"{output_dir} holds no report ({SETTINGS_FILE} is missing): write one first, or name it by --output_dir.")
  # A check repeats what the report was made with; flags given now win.
  base = stored if values.check else {}
  settings = Settings(title=values.title or base.get("title") or output_dir.resolve().name,
                      baseline=values.baseline or base.get("baseline"),
                      allow_mixed_data=values.allow_mixed_data or base.get("allow_mixed_data", False),
                      paper_dir=_paper_dir(values.paper_dir, base.get("paper_dir"), output_dir))
  if values.check:
    changes = differences(output_dir, found, settings)
    print("\n".join([f"{output_dir}/{change}" for change in changes] or [f"{output_dir} is up to date."]))
    return 1 if changes else 0
  write_report(found, output_dir, settings)
  print((output_dir / "table.md").read_text(encoding="utf-8"))
  print(f"Written to {output_dir / PAGE_FILE}")
  return 0


def _default_output(folders: Sequence[str]) -> pathlib.Path:
  if len(folders) > 1:
    command_line.fail("--output_dir is missing: several results folders need a name for their report.")
  folder = pathlib.Path(folders[0])
  return folder if (folder / run_files.COLLECTION_FILE).exists() else pathlib.Path("reports") / folder.resolve().name


if __name__ == "__main__":
  sys.exit(main(sys.argv))

"""Tables, figures and one self-contained page from run records.

  python -m benchmark.report --results_dir=runs/smoke
  python -m benchmark.report --results_dir=runs/a --results_dir=runs/b --output_dir=reports/both --baseline=stl
  python -m benchmark.report --results_dir=reports/both --check

Reads the records of any number of folders (of `benchmark.run`, or collections of `benchmark.export --format=jsonl`) and
writes table.{md,csv,tex}, table_per_task.{md,csv,tex}, selection.{md,csv} where a method chose layers, atlas.{md,csv}
and atlas_layers.csv of a transfer atlas, figures/*.{png,svg}, index.html and report.json (the settings) to
--output_dir. Over an earlier report, its title, baseline and other settings are kept unless flags name others
(--nomixed_model and the like take a switch back). The same records give the same files, so --check can tell whether a
report is up to date: it writes nothing, and compares texts byte for byte and figures by the data they draw.
Needs no TensorFlow. A report of a hundred runs takes about ten seconds.

Exit status: 0 written, or up to date; 1 --check found the report stale, or a record changed or damaged; 2 a flag or a
record is wrong: records of another format, edited by hand, contradictory, not finite, or methods measured on different
data without --allow_mixed_data.
"""

import dataclasses
import os
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from absl import flags

from benchmark import command_line
from benchmark.reporting import (
  atlas as atlas_lib,
  atlas_tables,
  mixed_models,
  page,
  published as published_lib,
  selection_tables,
  settings as settings_lib,
  staleness,
  tables,
  tuning_tables,
)
from benchmark.reporting.figures import atlas as atlas_figures, collection, style
from benchmark.reporting.settings import PAGE_FILE, Settings, SETTINGS_FILE
from benchmark.results import (
  choice as choice_lib,
  comparison,
  course,
  inference,
  measures,
  record_schema,
  records,
  run_details,
  run_files,
  selection_quality,
  settings_as_variants,
)
from benchmark.results.predictions import reading
from lasem_tf.files import write_atomically

# Settings named when those of an earlier report hold.
_KEPT = ("title", "baseline", "links", "paper_dir", "columns", "mixed_model", "allow_mixed_data", "allow_mixed_tuning",
         "variants")
_PAPER_DIR = pathlib.Path(__file__).resolve().parents[1] / "reports" / "paper"


@dataclasses.dataclass(frozen=True)
class Report:
  """A report that is not written yet.

  Attributes:
    files: contents by name, relative to the report's folder.
    summary: the tables as plain text.
  """

  files: Mapping[str, str | bytes]
  summary: str


def make(found: Sequence[records.Record], settings: Settings, paper_dir: pathlib.Path,
         earlier: pathlib.Path | None = None) -> Report:
  """Makes a report in memory.

  Args:
    found: the records.
    settings: see there.
    paper_dir: folder of published numbers.
    earlier: folder of an earlier report, whose figures are taken where they show the same data; drawing takes longest.

  Raises:
    RecordError: the records cannot be compared, or a published number is damaged.
  """
  choices, trials = choice_lib.choices(found), [record for record in found if record.named.is_trial]
  of_atlas, found = atlas_lib.split(choice_lib.compared(found))
  atlas, everything = atlas_lib.pairs(of_atlas), [*found, *trials, *of_atlas]
  details, summaries = run_details.load_details(everything), reading.summaries(everything)
  panels = comparison.panels(found, comparison.expected_identities(found), settings.baseline, settings.allow_mixed_data,
                             settings.margin / 100, measures.find(settings.columns) or None,
                             course.of_runs(found, details), settings.allow_mixed_tuning)
  published = _published(paper_dir, panels)
  estimates = tables.per_task_estimates(found)
  has_tables = bool(panels or choices or not atlas)
  files: dict[str, str | bytes] = dict(tables.contents(found, panels, estimates, choices)) if has_tables else {}
  selection_files, selection = _selection(found, details, panels)
  files |= selection_files | (atlas_tables.files(atlas) if atlas else {})
  figures = []
  for figure in (*collection.draw_all(found, panels, details), *atlas_figures.draw_all(atlas)):
    figures.append(style.render(figure, None if earlier is None else earlier / "figures"))
    files |= {f"figures/{figure.name}.png": figures[-1].png, f"figures/{figure.name}.svg": figures[-1].svg}
  per_task = [page.Table(title, columns, [(row.learner, panel.stream, line) for row, line in zip(panel.rows, rows)],
                         panel.stream)
              for panel, title, columns, rows in tables.per_task_tables(panels, estimates)]
  mixed = []
  if settings.mixed_model and has_tables:
    files["table.md"] = "\n".join([str(files["table.md"]), mixed_models.markdown(found, panels)])
    mixed = [page.Table(title, columns, [(learner, panel.stream, line) for learner, line in rows], panel.stream)
             for panel, title, columns, rows in mixed_models.tables(found, panels)]
  tuning = page.Table("Tuning", tuning_tables.COLUMNS,
                      [("", row[1].text, row) for row in tuning_tables.rows(choices)], ranks=tuning_tables.RANKS)
  content = page.PageContent(settings.title, everything, panels, per_task, published, figures, details, mixed, tuning,
                             tuning_tables.caption(choices) if choices else "", summaries, selection,
                             _atlas(atlas) if atlas else None, [pair.panel for pair in atlas],
                             [link for each in settings.links if (link := settings_lib.link(each)) is not None])
  summary = [tables.plain(found, panels, choices, command_line.terminal_width())] if has_tables else []
  summary += [atlas_tables.plain(atlas)] if atlas else []
  return Report({**files, PAGE_FILE: page.render(content)}, "\n\n".join(summary))


def _published(paper_dir: pathlib.Path, panels: Sequence[comparison.Panel]) -> page.Table | None:
  """Published numbers beside measured ones; None where nothing was published of any of the streams."""
  streams = {panel.stream for panel in panels}
  numbers = [number for number in published_lib.load(paper_dir) if number.stream in streams]
  if not numbers:
    return None
  headings, lines = published_lib.comparison_table(numbers, panels)
  return page.Table("Published numbers", headings, [(number.learner, number.stream, line) for number, line in lines])


def _atlas(pairs: Sequence[atlas_lib.Pair]) -> page.Explained:
  """The transfer atlas as a part of the page."""
  rows = [("", str(line[2].value), line) for line in atlas_tables.lines(pairs)]
  return page.Explained(page.Table(atlas_tables.TITLE, atlas_tables.columns(pairs), rows), atlas_tables.remarks(pairs))


def _selection(found: Sequence[records.Record], details: Mapping[str, run_details.RunDetails],
               panels: Sequence[comparison.Panel]) -> tuple[dict[str, str | bytes], page.Explained | None]:
  """How well layers were chosen, as files and as a part of the page; nothing where nothing chose."""
  qualities, remarks = selection_quality.qualities(found, details), selection_tables.always_share(found)
  if not qualities:
    return {}, None
  remarks += selection_tables.tuning_remark(qualities, panels)
  columns, lines = selection_tables.table(qualities)
  rows = [(each.learner, each.stream, line) for each, line in zip(qualities, lines)]
  table = page.Table(selection_tables.TITLE, columns, rows, ranks=selection_tables.ranks(columns, qualities))
  shown = page.Explained(table, [*remarks, selection_tables.explanation(columns)])
  return {"selection.md": selection_tables.markdown(qualities, remarks),
          "selection.csv": selection_tables.csv(qualities)}, shown


def write(report: Report, output_dir: pathlib.Path, settings: Settings) -> None:
  """Writes a report; removes files of an earlier one that are no longer produced.

  Raises:
    RecordError: the folder holds a link where the report's own folder should be, or settings of another program.
    OSError: it cannot be written.
  """
  earlier = settings_lib.read(output_dir)
  if (output_dir / "figures").is_symlink():
    raise record_schema.RecordError(f"{output_dir / 'figures'} is a symbolic link, behind which nothing is written or "
                                    "removed. Delete the link, or name another --output_dir.")
  for name, content in report.files.items():
    write_atomically(output_dir / name, content)
  for name in set(earlier.files if earlier else ()) - set(report.files):
    if settings_lib.is_own(name):
      (output_dir / name).unlink(missing_ok=True)
  settings_lib.write(dataclasses.replace(settings, files=tuple(sorted(report.files))), output_dir)


def _stored_paper_dir(paper_dir: pathlib.Path, output_dir: pathlib.Path) -> str | None:
  """None for the shipped numbers, wherever they lie; else the way from the report, so that both can move together."""
  if paper_dir.resolve() == _PAPER_DIR:
    return None
  try:
    return pathlib.Path(os.path.relpath(paper_dir.resolve(), output_dir.resolve())).as_posix()
  except ValueError:  # On another drive.
    return str(paper_dir.resolve())


def _paper_dir(given: str | None, stored: str | None, output_dir: pathlib.Path) -> pathlib.Path:
  if given == "" or (given is None and stored is None):
    return _PAPER_DIR
  path = pathlib.Path(given) if given else output_dir.resolve() / (stored or "")
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
  flags.DEFINE_string("baseline", None, "Learner that the others are tested against, e.g. stl; '' for none.",
                      flag_values=values)
  flags.DEFINE_string("title", None, "Heading of the page. Default, without an earlier one: the folder's name.",
                      flag_values=values)
  flags.DEFINE_string("paper_dir", None, "Folder of published numbers; '' for the shipped reports/paper, the default.",
                      flag_values=values)
  flags.DEFINE_multi_string("links", None, "A further page, 'words=address' as seen from the report. May be repeated.",
                            flag_values=values)
  flags.DEFINE_float("margin", None, "Margin of equivalence, in percentage points: differences within count as none. "
                     f"Default: {100 * inference.MARGIN:g}.", flag_values=values)
  flags.DEFINE_list("columns", None, "Measures that tables show, e.g. 'final,learning,forward_transfer'. Default, "
                    f"where known: {','.join(measure.name for measure in measures.SHOWN)}.", flag_values=values)
  flags.DEFINE_bool("mixed_model", None, "Also fit a mixed model of final accuracy, with tasks and seeds random; "
                    "needs a baseline and statsmodels.", flag_values=values)
  flags.DEFINE_bool("summary", True, "Print the tables.", flag_values=values)
  flags.DEFINE_bool("check", False, "Write nothing; say whether the report is up to date.", flag_values=values)
  flags.DEFINE_bool(
      "allow_mixed_data", None, "Show methods measured on different data, or with several settings, in one table, "
      "marked.", flag_values=values)
  flags.DEFINE_bool(
      "allow_mixed_tuning", None, "Show methods tuned by different protocols, or with different numbers of trials, in "
      "one table, named.", flag_values=values)
  flags.DEFINE_bool(
      "variants", None, "Treat runs of one method with different settings as variants of it, named by the bindings "
      "that differ.", flag_values=values)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  if not values.results_dir:
    command_line.fail("--results_dir is missing: name the --output_dir of a suite, such as --results_dir=runs/smoke.")
  return command_line.run_or_fail(lambda: _run(values), (record_schema.RecordError,), command_line.STOPPED,
                                  only_prints=values.check)


def _run(values: flags.FlagValues) -> int:
  matplotlib.rcdefaults()  # A matplotlibrc of the user's must not change committed figures.
  output_dir = pathlib.Path(values.output_dir) if values.output_dir else _default_output(values.results_dir)
  stored = settings_lib.read(output_dir)
  base = stored or Settings(title=output_dir.resolve().name)

  def given(name: str) -> Any:
    """The flag's value, else what the report was made with before."""
    return getattr(base, name) if values[name].value is None else values[name].value

  is_varied = given("variants")
  try:
    found = (settings_as_variants.load if is_varied else records.load_records)(values.results_dir)
  except record_schema.RecordError as error:
    if not values.check or isinstance(error, record_schema.NoRecordsError):
      raise
    print(f"{output_dir} is not up to date: {error}")
    return 1
  if values.check and stored is None:
    command_line.fail(
        f"{output_dir} holds no report ({SETTINGS_FILE} is missing): write one first, or name it by --output_dir.")
  paper_dir = _paper_dir(values.paper_dir, base.paper_dir, output_dir)
  margin = given("margin")
  if not 0 < margin < 100:
    command_line.fail(f"--margin={margin:g}: name a difference in percentage points between 0 and 100, such as 1.")
  if wrong := [each for each in given("links") if settings_lib.link(each) is None]:
    command_line.fail(f"--links={wrong[0]}: name words and an address, such as 'Certificate=../certificates/a.md'.")
  settings = Settings(given("title") or output_dir.resolve().name, given("baseline") or None, given("allow_mixed_data"),
                      _stored_paper_dir(paper_dir, output_dir), margin=margin, columns=tuple(given("columns")),
                      mixed_model=given("mixed_model"), allow_mixed_tuning=given("allow_mixed_tuning"),
                      variants=is_varied, links=tuple(given("links")))
  report = make(found, settings, paper_dir, output_dir if values.check else None)
  if values.check:
    changes = staleness.differences(report.files, output_dir, base)
    print("\n".join([f"{output_dir}/{change}" for change in changes] or [f"{output_dir} is up to date."]))
    return 1 if changes else 0
  write(report, output_dir, settings)
  if kept := [name for name in _KEPT if stored and values[name].value is None and getattr(stored, name)
              and (name, getattr(stored, name)) != ("title", output_dir.resolve().name)]:
    print("As in the report that was here: " + ", ".join(f"{name} {getattr(base, name)!r}" for name in kept) + ".")
  if values.summary:
    print(f"{report.summary}\n")
  print(f"Page with all tables and figures: {output_dir / PAGE_FILE}")
  if figure := next((name for name in report.files if name.endswith(".png")), None):
    print(f"One of its figures:               {output_dir / figure}")
  return 0


def _default_output(folders: Sequence[str]) -> pathlib.Path:
  if len(folders) > 1:
    command_line.fail("--output_dir is missing: several results folders need a name for their report.")
  folder = pathlib.Path(folders[0])
  return folder if (folder / run_files.COLLECTION_FILE).exists() else pathlib.Path("reports") / folder.resolve().name


if __name__ == "__main__":
  sys.exit(main(sys.argv))

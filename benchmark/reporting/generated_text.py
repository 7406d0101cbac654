"""Text between markers in a Markdown file, written by a program and checked by a test."""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Callable, Sequence

from benchmark.reporting import atlas, cells, comparisons, settings as settings_lib, takeaway
from benchmark.results import choice, comparison, measures, records, run_details, run_files
from benchmark.results.record_schema import RecordError

_MEASURES = {measures.PEAK, measures.FINAL, measures.CLASS_INCREMENTAL, measures.FORGETTING, measures.PARAMETERS,
             measures.CPU_SECONDS}
# A table may leave out rows, a takeaway references: 'without=' names their learners, with commas between them.
_START = re.compile(r"<!-- generated: (?P<kind>\S+) (?P<argument>\S+)(?: without=(?P<without>\S+))? -->")
_END = "<!-- end of generated text -->"


def regenerate(text: str, folder: pathlib.Path, where: str) -> str:
  """The text with every generated block brought up to date.

  Args:
    text: Markdown.
    folder: what the paths in markers are relative to.
    where: how messages call the file.

  Raises:
    RecordError: an unknown kind of block, a missing end, a missing report or nothing of that name to leave out.
  """
  parts, position = [], 0
  while (start := _START.search(text, position)) is not None:
    end = text.find(_END, start.end())
    if end < 0 or _START.search(text, start.end(), end):
      raise RecordError(f"{where}: the block {start[0]!r} has no {_END!r}.")
    if start["kind"] not in _KINDS:
      raise RecordError(f"{where}: {start['kind']!r} is no kind of generated block; use {' or '.join(_KINDS)}.")
    make = _KINDS[start["kind"]]
    if start["without"] is not None:
      if start["kind"] not in _WITH_PARTS:
        raise RecordError(f"{where}: {start[0]!r}: only {' or '.join(_WITH_PARTS)} can leave something out.")
      make = functools.partial(make, without=tuple(start["without"].split(",")))
    parts += [text[position:start.end()], "\n", make(folder / start["argument"]), "\n"]
    position = end
  return "".join([*parts, text[position:]])


def short_table(report: pathlib.Path, without: Sequence[str] = ()) -> str:
  """The columns that fit a README, one table per stream, with a caption.

  Args:
    report: folder with `records.jsonl`; its `report.json` says which mixed data it allows.
    without: learners that are tested with the others and not shown.

  Raises:
    RecordError: one of `without` is no row.
  """
  panels = report_panels(report)
  if missing := set(without) - {row.learner for panel in panels for row in panel.rows}:
    raise RecordError(f"{report}: there is no row {', '.join(sorted(missing))} to leave out.")
  parts = []
  for panel in panels:
    panel = dataclasses.replace(panel, rows=[row for row in panel.rows if row.learner not in without])
    shown = [measure for measure in panel.columns if measure in _MEASURES]
    difference = comparisons.difference_headings(panel)[0]  # From the baseline, if there is one.
    columns, rows = ["Learner", "n", *(measure.heading for measure in shown), difference], []
    for row in panel.rows:
      full = dict(zip(comparisons.headings(panel), comparisons.row_cells(panel, row)))
      rows.append([full[heading] for heading in columns])
    table = cells.markdown_table(columns, rows)
    parts.append(f"**{cells.escape_markdown(cells.panel_title(panel))}**\n\n{table}\n")
  return "\n".join([*parts, comparisons.caption(panels)])


def paragraph(report: pathlib.Path, without: Sequence[str] = ()) -> str:
  """What a report comes to in words, and what to be wary of: a paragraph each, for every stream.

  Args:
    report: folder with `records.jsonl`, what lies beside it, and `report.json`.
    without: references whose sentences are left out.

  Raises:
    RecordError: one of `without` is no reference, or there is nothing to say.
  """
  found, panels = _read(report)
  details = run_details.load_details(found)
  findings = [takeaway.of_panel(panel, found, details) for panel in panels]
  if missing := set(without) - {sentence.learner for finding in findings for sentence in finding.sentences}:
    raise RecordError(f"{report}: nothing is said of differences from {', '.join(sorted(missing))} to leave out.")
  parts = []
  for finding in findings:
    parts += [f"**{cells.escape_markdown(finding.title)}**"] if len(findings) > 1 else []
    told = " ".join(f"**{cells.escape_markdown(sentence.subject)}**{cells.escape_markdown(sentence.rest)}"
                    if sentence.subject else cells.escape_markdown(sentence.rest)
                    for sentence in finding.sentences if sentence.learner not in without)
    cautions = [f"*Caution.* {cells.escape_markdown(' '.join(finding.cautions))}"] if finding.cautions else []
    parts += [*filter(None, [told]), *cautions]
  if not parts:
    raise RecordError(f"{report}: there is nothing to put into words.")
  return "\n\n".join(parts)


def without_heading(report: pathlib.Path, name: str) -> str:
  """A Markdown file of the report as it is, without its heading."""
  return run_files.read_text(report / name).partition("\n\n")[2].rstrip("\n")


# How well layers were chosen, and what each layer gives the next task, are tables of the report.
_WHOLE: dict[str, Callable[[pathlib.Path], str]] = {
    "table": short_table, "selection": functools.partial(without_heading, name="selection.md"),
    "atlas": functools.partial(without_heading, name="atlas.md")}
# The caption is the last paragraph: a page with several tables says it once.
_KINDS = _WHOLE | {"takeaway": paragraph} | {
    f"{kind}_without_caption": lambda report, make=make, **options: make(report, **options).rpartition("\n\n")[0]
    for kind, make in _WHOLE.items()}
_WITH_PARTS = ("table", "table_without_caption", "takeaway")


def report_panels(report: pathlib.Path) -> list[comparison.Panel]:
  """The aggregated records of a report, as its tables show them: without the trials of tuning and without an atlas."""
  return _read(report)[1]


def _read(report: pathlib.Path) -> tuple[list[records.Record], list[comparison.Panel]]:
  """The records of a report without the trials of tuning and without an atlas, and their panels."""
  states = [path.stat() for name in (run_files.COLLECTION_FILE, settings_lib.SETTINGS_FILE)
            if (path := report / name).exists()]
  return _read_once(report.resolve(), tuple((state.st_mtime_ns, state.st_size) for state in states))


@functools.lru_cache(maxsize=64)
def _read_once(report: pathlib.Path, state: tuple) -> tuple[list[records.Record], list[comparison.Panel]]:
  """A report in this state of its files; several pages show several blocks of each."""
  found = atlas.split(choice.compared(records.load_records([report / run_files.COLLECTION_FILE])))[1]
  settings = settings_lib.read(report) or settings_lib.Settings(report.name)
  return found, comparison.panels(found, comparison.expected_identities(found), settings.baseline,
                                  settings.allow_mixed_data, settings.margin / 100,
                                  allow_mixed_tuning=settings.allow_mixed_tuning)

"""Text between markers in a Markdown file, written by a program and checked by a test."""

import functools
import pathlib
import re
from collections.abc import Callable

from benchmark.reporting import atlas, cells, comparisons, settings as settings_lib
from benchmark.results import choice, comparison, measures, records, run_files
from benchmark.results.record_schema import RecordError

_MEASURES = {measures.PEAK, measures.FINAL, measures.CLASS_INCREMENTAL, measures.FORGETTING, measures.PARAMETERS,
             measures.CPU_SECONDS}
_START = re.compile(r"<!-- generated: (?P<kind>\S+) (?P<argument>\S+) -->")
_END = "<!-- end of generated text -->"


def regenerate(text: str, folder: pathlib.Path, where: str) -> str:
  """The text with every generated block brought up to date.

  Args:
    text: Markdown.
    folder: what the paths in markers are relative to.
    where: how messages call the file.

  Raises:
    RecordError: an unknown kind of block, a missing end or a missing report.
  """
  parts, position = [], 0
  while (start := _START.search(text, position)) is not None:
    end = text.find(_END, start.end())
    if end < 0 or _START.search(text, start.end(), end):
      raise RecordError(f"{where}: the block {start[0]!r} has no {_END!r}.")
    if start["kind"] not in _KINDS:
      raise RecordError(f"{where}: {start['kind']!r} is no kind of generated block; use {' or '.join(_KINDS)}.")
    parts += [text[position:start.end()], "\n", _KINDS[start["kind"]](folder / start["argument"]), "\n"]
    position = end
  return "".join([*parts, text[position:]])


def short_table(report: pathlib.Path) -> str:
  """The columns that fit a README, one table per stream, with a caption.

  Args:
    report: folder with `records.jsonl`; its `report.json` says which mixed data it allows.
  """
  panels = report_panels(report)
  parts = []
  for panel in panels:
    shown = [measure for measure in panel.columns if measure in _MEASURES]
    difference = comparisons.difference_headings(panel)[0]  # From the baseline, if there is one.
    columns, rows = ["Learner", "n", *(measure.heading for measure in shown), difference], []
    for row in panel.rows:
      full = dict(zip(comparisons.headings(panel), comparisons.row_cells(panel, row)))
      rows.append([full[heading] for heading in columns])
    table = cells.markdown_table(columns, rows)
    parts.append(f"**{cells.escape_markdown(cells.panel_title(panel))}**\n\n{table}\n")
  return "\n".join([*parts, comparisons.caption(panels)])


def without_heading(report: pathlib.Path, name: str) -> str:
  """A Markdown file of the report as it is, without its heading."""
  return run_files.read_text(report / name).partition("\n\n")[2].rstrip("\n")


# How well layers were chosen, and what each layer gives the next task, are tables of the report.
_WHOLE: dict[str, Callable[[pathlib.Path], str]] = {
    "table": short_table, "selection": functools.partial(without_heading, name="selection.md"),
    "atlas": functools.partial(without_heading, name="atlas.md")}
# The caption is the last paragraph: a page with several tables says it once.
_KINDS = _WHOLE | {f"{kind}_without_caption": lambda report, make=make: make(report).rpartition("\n\n")[0]
                   for kind, make in _WHOLE.items()}


def report_panels(report: pathlib.Path) -> list[comparison.Panel]:
  """The aggregated records of a report, as its tables show them: without the trials of tuning and without an atlas."""
  _, found = atlas.split(choice.split(records.load_records([report / run_files.COLLECTION_FILE]))[1])
  settings = settings_lib.read(report) or settings_lib.Settings(report.name)
  return comparison.panels(found, comparison.expected_identities(found), settings.baseline, settings.allow_mixed_data,
                           settings.margin / 100)

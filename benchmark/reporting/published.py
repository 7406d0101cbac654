"""Published numbers as data, and how far the measured ones are from them. Empty cells stay empty.

A file holds one number a line: source, table, row and column of the publication, then stream, learner and measure in
the names of this suite, unit ('%' or 'fraction'), value and half_width. An empty value means that the number was not
available to whoever wrote the file; it is shown as such, never guessed.
"""

import dataclasses
import math
import os
import pathlib
from collections.abc import Sequence

from benchmark.reporting import cells
from benchmark.results import comparison, csv_files, measures, methods
from benchmark.results.record_schema import RecordError

NOT_AVAILABLE = "not available"
COLUMNS = ("source", "table", "row", "column", "stream", "learner", "measure", "unit", "value", "half_width")
_FACTORS = {"%": 0.01, "fraction": 1.0}


@dataclasses.dataclass(frozen=True)
class PublishedNumber:
  """One cell of a published table.

  Attributes:
    source: the publication.
    table: its table or figure; empty where unknown.
    cell: row and column there; empty where unknown.
    stream: name of the stream here.
    learner: name of the learner here.
    measure: what was measured.
    value: in the unit of `measures` (fractions for accuracies); None where not available.
    half_width: half-width of the published interval, likewise.
  """

  source: str
  table: str
  cell: str
  stream: str
  learner: str
  measure: measures.Measure
  value: float | None
  half_width: float | None


def load(folder: str | os.PathLike) -> list[PublishedNumber]:
  """Reads every `*.csv` of a folder, in order of file names; nothing if there is no such folder.

  Raises:
    RecordError: a file has other columns, an unknown measure or unit, or a value that is no finite number.
  """
  measure_names = {measure.name: measure for measure in measures.MEASURES}
  numbers = []
  for path in sorted(pathlib.Path(folder).glob("*.csv")):
    for where, row in csv_files.read(path, COLUMNS):
      if row["measure"] not in measure_names or row["unit"] not in _FACTORS:
        raise RecordError(f"{where}: measure must be one of {', '.join(measure_names)} and unit one of "
                          f"{', '.join(_FACTORS)}.")
      try:
        value, half_width = (_number(row[name]) * _FACTORS[row["unit"]] if row[name].strip() else None
                             for name in ("value", "half_width"))
      except ValueError as error:
        raise RecordError(f"{where}: {error}; leave the cell empty if the number is not known.") from error
      cell = ", ".join(text for text in (row["row"], row["column"]) if text)
      numbers.append(PublishedNumber(row["source"], row["table"], cell, row["stream"], row["learner"],
                                     measure_names[row["measure"]], value, half_width))
  return numbers


def comparison_table(numbers: Sequence[PublishedNumber], panels: Sequence[comparison.Panel]
                     ) -> tuple[list[str], list[tuple[PublishedNumber, list[cells.Cell]]]]:
  """Columns, and (number, row) pairs: published beside measured, for the streams and methods of the panels."""
  rows = []
  for number in numbers:
    for panel in panels:
      row = next((row for row in panel.rows if (panel.stream, row.learner) == (number.stream, number.learner)), None)
      if row is None:
        continue
      measured = row.estimates.get(number.measure.name)
      published = NOT_AVAILABLE if number.value is None else number.measure.render(number.value)
      if number.value is not None and number.half_width is not None:
        published += f" ± {number.measure.render(number.half_width)}"
      difference = (measured.mean - number.value if measured is not None and measured.mean is not None
                    and number.value is not None else None)
      cell = cells.Cell
      rows.append((number, [
          cell(number.source, value=number.source),
          cell(" ".join([number.table, number.cell]).strip(), value=number.table),
          cell(methods.learner_label(number.learner), value=number.learner),
          cell(number.stream, value=number.stream),
          cell(number.measure.heading, value=number.measure.name),
          cell(published, value=number.value),
          cell(cells.estimate_text(measured, number.measure), value=measured.mean if measured else None),
          cell("" if difference is None else number.measure.render(difference), value=difference),
          cell(f"{panel.title}, scale {panel.scale}", value=panel.title)
      ]))
  return ["Source", "Cell", "Learner", "Stream", "Measure", "Published", "Measured", "Difference", "Measured on"], rows


def _number(text: str) -> float:
  number = float(text)
  if not math.isfinite(number):
    raise ValueError(f"{text.strip()!r} is not a finite number")
  return number

"""Tables that people write by hand: CSV files with given columns."""

import csv
import io
import pathlib
from collections.abc import Iterator, Sequence

from benchmark.results import run_files
from benchmark.results.record_schema import RecordError


def read(path: pathlib.Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
  """(place for messages, row by column) of a CSV file in UTF-8.

  Raises:
    RecordError: the file cannot be read, has other columns, or a row of more or fewer cells.
  """
  reader = csv.reader(io.StringIO(run_files.read_text(path), newline=""))
  try:
    if tuple(next(reader, ())) != tuple(columns):
      raise RecordError(f"{path}: the columns must be {','.join(columns)}.")
    for cells in reader:
      where = f"{path}, line {reader.line_num}"
      if len(cells) != len(columns) and cells:
        raise RecordError(f"{where}: {len(cells)} cells instead of {len(columns)}; put cells with commas in quotes.")
      if cells:
        yield where, dict(zip(columns, cells))
  except csv.Error as error:
    raise RecordError(f"{path}, line {reader.line_num}: no CSV ({error}).") from error

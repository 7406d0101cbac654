"""A table of image files: CSV with the columns path, label, task and, if wanted, split and domain."""

import csv
import io
import os
import pathlib

from lasem_tf.data import sources
from lasem_tf.data.readers.listed_images import ListedImage, SPLIT_NAMES
from lasem_tf.data.stream import DataError

REQUIRED, OPTIONAL = ("path", "label", "task"), ("split", "domain")
_MAX_BYTES = 1 << 28
_REMEDY = "Correct the table."


def read(table: pathlib.Path) -> list[ListedImage]:
  """The rows of a table, in order.

  Args:
    table: the CSV file, in UTF-8; paths in it are relative to its folder and stay below it, where a symbolic link may
      lead elsewhere. Other columns are ignored.

  Raises:
    DataError: a column is missing, the table is empty, or a row is not what it should be; names the line.
  """
  try:
    text = sources.read_bytes(table, _MAX_BYTES, _REMEDY).decode("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns = [(name or "").strip() for name in reader.fieldnames or ()]
    _check_columns(table, columns)
    reader.fieldnames = columns
    images = [_image(table, reader.line_num, row) for row in reader]
  except (UnicodeDecodeError, csv.Error) as error:
    raise DataError(f"{table} is no CSV file in UTF-8 ({error}). {_REMEDY}") from error
  if not images:
    raise DataError(f"{table} has no rows below its header. Add one for each image.")
  _check_unique(table, images)
  return images


def _check_columns(table: pathlib.Path, columns: list[str]) -> None:
  missing = [name for name in REQUIRED if name not in columns]
  if missing:
    raise DataError(f"{table} lacks the column {', '.join(missing)}: its first line must name the columns "
                    f"{', '.join(REQUIRED)} (and {', '.join(OPTIONAL)} if wanted); it names "
                    f"{', '.join(columns) or 'none'}.")
  if len(set(columns)) < len(columns):
    raise DataError(f"{table} names a column twice: {', '.join(columns)}. {_REMEDY}")


def _image(table: pathlib.Path, line: int, row: dict) -> ListedImage:
  where = f"{table}, line {line}"
  known = {name: (row.get(name) or "").strip() for name in (*REQUIRED, *OPTIONAL)}
  if None in row or (empty := [name for name in row if name in REQUIRED and not known[name]]):
    raise DataError(f"{where}: " + ("there are more values than columns" if None in row else f"{empty[0]} is empty")
                    + f". {_REMEDY}")
  path = pathlib.Path(known["path"])
  inside = os.path.normpath(known["path"])
  if path.is_absolute() or inside.split(os.sep)[0] == os.pardir:
    raise DataError(f"{where}: {known['path']} lies outside {table.parent}. Paths are relative to the table's folder: "
                    "move the image, or the table, so that the image lies below it.")
  split = known["split"].lower()
  if "split" in row and split not in SPLIT_NAMES:
    raise DataError(f"{where}: split is {known['split']!r}; write train, val or test in every row, or leave out the "
                    "column, and the splits are drawn.")
  full = table.parent / inside
  if not sources.is_file(full):
    raise DataError(f"{where}: there is no file {full}. {_REMEDY}")
  return ListedImage(full, known["label"], known["domain"], SPLIT_NAMES.get(split, ""), known["task"])


def _check_unique(table: pathlib.Path, images: list[ListedImage]) -> None:
  """An image may be in several tasks, but once in each, and in one split alone; drawn splits follow its label."""
  first: dict[tuple, int] = {}
  for row, image in enumerate(images):
    earlier = first.setdefault((image.path, image.task), row)
    if earlier != row:
      raise DataError(f"{table}: rows {earlier + 1} and {row + 1} below the header are duplicates: both put "
                      f"{image.path} into task {image.task!r}. Remove one.")
  seen: dict[pathlib.Path, ListedImage] = {}
  for image in images:
    other = seen.setdefault(image.path, image)
    if other.split != image.split:
      raise DataError(f"{table}: {image.path} is in the splits {other.split} and {image.split}. {_REMEDY}")
    if not image.split and (other.label, other.domain) != (image.label, image.domain):
      raise DataError(f"{table}: {image.path} has the label {other.label!r} in task {other.task!r} and {image.label!r} "
                      f"in task {image.task!r}, so that no split can be drawn for both. Add a column split.")

"""What `benchmark.data` does, apart from reading flags."""

import dataclasses
import pathlib
import sys

from rich import console as rich_console, progress as rich_progress, table as rich_table, text as rich_text

from benchmark.inspection import contact_sheets, croissant as croissant_lib, inventory as inventory_lib, planted_facts
from benchmark.results import texts
from benchmark.suites import open_stream
from benchmark.suites.bindings import ConfigurationError
from lasem_tf import types
from lasem_tf.data import overlap, stream_checks
from lasem_tf.data.stream import CachesImages, DataError, StreamContext, TaskStream, WritesDesign
from lasem_tf.data.streams import any_tfds, own_images

_COLORS = {inventory_lib.OFFICIAL: "green", inventory_lib.OTHER: "yellow", inventory_lib.DAMAGED: "red",
           inventory_lib.MISSING: "red"}
_OWN_DATA = (own_images.OwnImages, any_tfds.TFDSStream)
_TOLERATED_DUPLICATES = 0.1  # share of a split; published sets hold a few


@dataclasses.dataclass(frozen=True)
class Request:
  """What the command line asks for.

  Attributes:
    name: of the stream; None makes `check` inspect every known format.
    bindings: gin bindings that win over the stream's file.
    context: seeds and folders.
    folders_given: whether the user named data folders.
  """

  name: str | None
  bindings: tuple[str, ...]
  context: StreamContext
  folders_given: bool

  def open(self, **changes) -> TaskStream:
    """The stream, which has a name; `changes` replace fields of the context."""
    assert self.name is not None
    return open_stream.load_stream(self.name, dataclasses.replace(self.context, **changes), self.bindings)


def _console() -> rich_console.Console:
  # Wide where the output goes into a file or a pipe, so that paths and messages stay on one line. Rich itself takes a
  # pipe for a terminal where FORCE_COLOR is set.
  return rich_console.Console(width=None if sys.stdout.isatty() else 200)


def _text(text: str) -> rich_text.Text:
  """A name as it is, of which nothing is markup, an emoji or a command to the terminal."""
  return rich_text.Text(texts.printable(text))


def _say(console: rich_console.Console, *sentences: str) -> None:
  for sentence in sentences:
    console.print(_text(sentence))


def check(request: Request) -> int:
  """Prints what is in the data folders.

  Returns:
    0 if nothing that the stream (or, without one, a format of which there is something) needs is amiss, else 1.
  """
  if request.name is None:
    inventories = inventory_lib.FORMATS
  else:
    kind = open_stream.stream_class(request.name, request.bindings).__name__
    inventories = {request.name: inventory_lib.INVENTORIES[kind]} if kind in inventory_lib.INVENTORIES else {}
  console = _console()
  table = rich_table.Table("data", "place", "state", "details",
                           title=_text(f"In {', '.join(request.context.data_dirs)}"))
  bad = False
  for name, inventory in inventories.items():
    findings = inventory(request.context.data_dirs)
    # Without a stream, a format that is absent altogether is not an error.
    bad |= any(f.state in (inventory_lib.DAMAGED, inventory_lib.MISSING) for f in findings) and (
        request.name is not None or any(f.state != inventory_lib.MISSING for f in findings))
    for finding in findings:
      table.add_row(_text(name), _text(finding.place), rich_text.Text(finding.state, _COLORS[finding.state]),
                    _text(finding.details))
  if inventories:
    console.print(table)
  return _check_stream(request, console) if request.name else int(bad)


def _check_stream(request: Request, console: rich_console.Console) -> int:
  try:
    stream = request.open()
  except DataError as error:
    _say(console, f"Stream {request.name} cannot be opened as configured: {error}")
    return 1
  counts = stream.counts()
  totals = ", ".join(f"{sum(counts[split])} {split}" for split in types.SPLITS)
  _say(console,
       f"Stream {request.name} can be opened: {stream.display_name}, {stream.num_tasks} tasks, {totals} images.",
       f"Design fingerprint {stream.design_fingerprint}, data fingerprint of seed {request.context.seed} "
       f"{stream.data_fingerprint}.")
  if isinstance(stream, CachesImages):
    _say(console, f"Resized images are kept in {stream.cache_directory}.")
  try:
    problems = _broken_promises(stream, request)
  except DataError as error:
    problems = [str(error)]
  for problem in problems:
    _say(console, problem)
  if not problems:
    _say(console, "Nothing is amiss.")
  return int(bool(problems))


def _broken_promises(stream: TaskStream, request: Request) -> list[str]:
  """Everything that `stream_checks` finds in a stream of a user's own classes or data.

  The published streams are tested; of these, the first task is searched for images that splits share.
  """
  if not type(stream).__module__.startswith("lasem_tf.") or isinstance(stream, _OWN_DATA):
    return stream_checks.problems(stream, request.open)
  if isinstance(stream, CachesImages):  # draws its splits from one set of files, and would have to decode them first
    return []
  return overlap.shared_images(stream, 0, _TOLERATED_DUPLICATES)


def describe(request: Request) -> int:
  """Prints a table of the tasks; returns 0."""
  try:
    stream = request.open()
  except DataError as error:
    if request.folders_given:
      raise
    try:
      stream = request.open(design_only=True)
    except DataError:
      raise error from None
    print("Described as the official data make it: no raw data were found, and --data_dir names none.", file=sys.stderr)
  console = _console()
  shape = " x ".join(map(str, stream.image_shape))
  _say(console, f"{stream.display_name}: {stream.num_tasks} tasks of images {shape}",
       f"Protocol: {', '.join(f'{key} {value}' for key, value in stream.protocol.items())}",
       f"Design fingerprint: {stream.design_fingerprint}")
  assert request.name is not None
  if network := open_stream.network(request.name, request.bindings):
    _say(console, f"Network: {network}")
  keys = list(dict.fromkeys(key for task in stream.tasks for key in task.details))
  titles = ["task", *types.SPLITS, *(key.replace("_", " ") for key in keys), "classes", "names in label order"]
  table = rich_table.Table(*(rich_table.Column(_text(title)) for title in titles))
  counts = stream.counts()
  for task in stream.tasks:
    details = [_text(_detail(task.details.get(key))) for key in keys]
    table.add_row(str(task.task_id), *(str(counts[split][task.task_id]) for split in types.SPLITS), *details,
                  str(task.num_classes), _text(", ".join(task.class_names)))
  console.print(table)
  return 0


def _detail(value) -> str:
  if isinstance(value, (list, tuple)):
    return " ".join(map(str, value))
  return "" if value is None else str(value)


def preview(request: Request, output_dir: pathlib.Path) -> int:
  """Writes a contact sheet of every task; returns 0."""
  stream = request.open()
  _make_folder(output_dir)
  for task in stream.tasks:
    path = output_dir / f"{stream.name}_task{task.task_id:02}.png"
    try:
      contact_sheets.draw(stream, task.task_id, path)
    except OSError as error:
      raise ConfigurationError(f"{path} cannot be written ({error.strerror}); name another --output_dir.") from error
  print(f"{stream.num_tasks} contact sheets in {output_dir}")
  return 0


def prepare(request: Request, output_dir: pathlib.Path | None) -> int:
  """Builds the cache where the stream has one, and writes its design files where it can and a folder is given."""
  stream = request.open()
  if isinstance(stream, CachesImages):
    num_images = len(stream.all_image_files())
    with rich_progress.Progress(console=rich_console.Console(stderr=True)) as bar:
      task = bar.add_task("Images", total=num_images)
      report = stream.prepare(lambda num_done: bar.advance(task, num_done))
    print(f"{num_images} images: {report.reused} were cached, {report.built} were built, {report.repaired} were "
          f"damaged and rebuilt; all in {stream.cache_directory}")
  elif output_dir is None or not isinstance(stream, WritesDesign):
    print(f"Stream {request.name} reads its raw files as they are: nothing to prepare.")
  if output_dir is not None:
    if not isinstance(stream, WritesDesign):
      raise ConfigurationError(f"--output_dir={output_dir}: stream {request.name} has no design files to write.")
    _make_folder(output_dir)
    for path in stream.write_design(output_dir):
      print(f"Written: {path}")
  return 0


def croissant(request: Request, output_dir: pathlib.Path | None, url: str) -> int:
  """Writes a generated stream and its description; returns 0."""
  stream = request.open()
  if not isinstance(stream, planted_facts.Planted):
    raise ConfigurationError(f"--stream={request.name}: `croissant` describes generated streams alone (synthetic, "
                             "planted_easy, planted_medium, planted_hard); other data have owners, who describe them.")
  if output_dir is None:
    raise ConfigurationError("--output_dir is missing: name a folder for the files.")
  _make_folder(output_dir)
  for path in croissant_lib.write(stream, output_dir, url):
    print(f"Written: {path}")
  return 0


def _make_folder(folder: pathlib.Path) -> None:
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise ConfigurationError(f"--output_dir={folder} cannot be made ({error.strerror}); name another.") from error

"""Looks at the data of a stream: what is there, what the tasks are, what the images look like.

  python -m benchmark.data init photos
      looks at a folder with one folder of images for each class (or at a CSV file of images) and writes
      streams/photos.gin and suite.gin for it, which `benchmark.run --gin_file=suite.gin` trains; see docs/tutorial.md
  python -m benchmark.data check --data_dir=Data
      every known format in a folder: files, counts, checksums, and where what is missing belongs; some seconds
  python -m benchmark.data check --stream=cifar100 --data_dir=Data
      the same for one stream, and whether it can be opened; its fingerprints. Of your own data and classes every split
      is loaded, twice: shapes, labels, determinism, and images that splits share
  python -m benchmark.data describe --stream=stl10_20
      tasks, classes, counts, domains, noise, order of channels
  python -m benchmark.data preview --stream=stl10_20 --data_dir=Data
      a PNG contact sheet for each task; about a second each
  python -m benchmark.data prepare --stream=office_home --data_dir=Data
      decodes and resizes every image once, for all trials; some minutes
  python -m benchmark.data croissant --stream=planted_medium --output_dir=planted
      a generated stream (synthetic, planted_*) as files, with a Croissant description (core and responsible AI) for
      data catalogues

--stream is the name of a file in gin/streams. `describe` without --data_dir tells what the official data give, where
the stream can tell that without them. `prepare --stream=stl10_20 --output_dir=DIR` writes the design of five trials as
the release's CSV files. Other data in an official format need a binding that says so, for instance
--gin_param="STL10.images_per_class = 'any'".

Exit status: 0 all is there; 1 `check` found something missing, damaged or not as the stream expects it (without
--stream, a format of which there is nothing does not count); 2 a flag, a binding or the data are wrong.
"""

import pathlib
import sys
import time

from absl import flags

from benchmark import command_line
from benchmark.execution import process
from benchmark.inspection import starting_files
from benchmark.results import texts
from benchmark.suites import gin_files, open_stream
from lasem_tf.data.stream import DataError, StreamContext

_COMMANDS = ("init", "check", "describe", "preview", "prepare", "croissant")


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_string("stream", None, "Name of a stream file in gin/streams. Needed by all but `init` and `check`.",
                      flag_values=values)
  flags.DEFINE_multi_string("gin_param", [], "Binding that wins over the stream's file. May be repeated.",
                            flag_values=values)
  flags.DEFINE_multi_string("data_dir", [], "Folder of the raw data; several are searched in order. Default: "
                            "$LASEM_DATA_DIR, else Data.", flag_values=values)
  flags.DEFINE_string("cache_dir", None, "Folder for decoded images. Default: beside the data; where they "
                      "are read-only, the user's cache folder, which a warning names.", flag_values=values)
  flags.DEFINE_string("output_dir", None, "Folder for what is written. Default of `preview`: runs/previews/<stream>; "
                      "of `init`: the working folder.",
                      flag_values=values)
  flags.DEFINE_string("url", "https://example.org/planted", "Of `croissant`: where the data will be found.",
                      flag_values=values)
  flags.DEFINE_integer("seed", 0, "The trial.", lower_bound=0, flag_values=values)
  flags.DEFINE_integer("design_seed", 0, "Fixes what all trials share.", lower_bound=0, flag_values=values)
  flags.DEFINE_bool("download", False, "Let TensorFlow Datasets download what is missing.", flag_values=values)
  return values


def main(argv) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command = argv[1] if len(argv) > 1 and not argv[1].startswith("-") else None
  root = argv[2] if command == "init" and len(argv) > 2 and not argv[2].startswith("-") else None
  command_line.parse(values, [argv[0], *argv[1 + bool(command) + bool(root):]], __doc__)
  if command not in _COMMANDS:
    command_line.fail(f"{'no command' if command is None else f'unknown command {command!r}'}: use one of "
                      f"{', '.join(_COMMANDS)}; see --help.")
  if command == "init":
    return _init(root, values)
  if values.stream is None and command != "check":
    command_line.fail(f"--stream is missing: `{command}` needs the name of a stream, such as --stream=cifar100.")
  if values.stream is not None:  # A misspelt name need not wait for TensorFlow.
    command_line.run_or_fail(lambda: open_stream.read(values.stream, values.gin_param),
                             (gin_files.ConfigurationError,))
  process.prepare_process()
  process.import_tensorflow()
  # This imports TensorFlow, whose settings `prepare_process` makes first.
  from benchmark.inspection import commands  # noqa: PLC0415

  context = StreamContext(values.seed, values.design_seed, command_line.data_dirs(values), values.cache_dir,
                          values.download)
  request = commands.Request(values.stream, tuple(values.gin_param), context, bool(values.data_dir))
  output_dir = pathlib.Path(values.output_dir) if values.output_dir else None

  def run() -> int:
    if command == "check":
      return commands.check(request)
    if command == "describe":
      return commands.describe(request)
    if command == "preview":
      return commands.preview(request, output_dir or pathlib.Path("runs", "previews", values.stream))
    if command == "croissant":
      return commands.croissant(request, output_dir, values.url)
    return commands.prepare(request, output_dir)

  start = time.monotonic()
  status = command_line.run_or_fail(run, (gin_files.ConfigurationError, DataError),
                                    only_prints=command in ("check", "describe"))
  if command in ("preview", "prepare"):
    print(f"{time.monotonic() - start:.1f} seconds")
  return status


def _init(root: str | None, values: flags.FlagValues) -> int:
  if root is None:
    command_line.fail("ROOT is missing: `init` needs a folder with one folder of images for each class, or a CSV file.")
  for line in command_line.run_or_fail(
      lambda: starting_files.write(root, command_line.data_dirs(values), pathlib.Path(values.output_dir or "")),
      (gin_files.ConfigurationError, DataError)):
    print(texts.printable(line))
  return 0


if __name__ == "__main__":
  try:
    sys.exit(main(sys.argv))
  except KeyboardInterrupt:
    print("Stopped. The same command continues where this one left off.", file=sys.stderr)
    sys.exit(130)

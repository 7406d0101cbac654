"""Trains one recorded run again, from the configuration beside its record, and compares the results bit for bit.

  python -m benchmark.replay runs/smoke/synthetic/stl/smoke/seed0
  python -m benchmark.replay runs/cifar100_lasem_hps/cifar100/lasem_hps/paper/seed0 --data_dir=Data --output_dir=again
  python -m benchmark.replay --run_dir=runs/smoke/synthetic/stl/smoke/seed0 --configuration=requested

Takes the operative configuration, which names every value that the run used, defaults included; or, with
--configuration=requested, what the gin files asked for. The new run goes to a temporary folder, or with --output_dir to
one that is kept and from which an interrupted replay goes on. It takes as long as the run took.

Exit status: 0 the results are equal; 1 they differ (the fields are named, and what differs in machine and versions);
2 a flag, the record or the data are wrong; 130 after Ctrl-C and 143 after SIGTERM.
"""

import contextlib
import hashlib
import pathlib
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from absl import flags

from benchmark import command_line
from benchmark.execution import process

_CIRCUMSTANCES = ("versions", "device", "threads", "deterministic", "onednn", "commit", "dirty")


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_string("run_dir", None, "Folder of the run; may be given without the flag's name, first.",
                      flag_values=values)
  flags.DEFINE_enum("configuration", "operative", ["operative", "requested"], "Which of the two files is trained from.",
                    flag_values=values)
  flags.DEFINE_multi_string("data_dir", [], "Folder of the raw data; several are searched in order. Default: those of "
                            "the record.", flag_values=values)
  flags.DEFINE_string("cache_dir", None, "Folder for decoded images. Default: that of the record.", flag_values=values)
  flags.DEFINE_string("output_dir", None, "Folder to keep the new run in. Default: a temporary one.",
                      flag_values=values)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  if len(argv) > 1 and not argv[1].startswith("-"):
    argv = [argv[0], f"--run_dir={argv[1]}", *argv[2:]]
  command_line.parse(values, argv, __doc__)
  if not values.run_dir:
    command_line.fail("name the run's folder, such as runs/smoke/synthetic/stl/smoke/seed0.")
  process.prepare_process()
  from benchmark.results import records  # pylint: disable=import-outside-toplevel
  from benchmark.suites import bindings  # pylint: disable=import-outside-toplevel

  errors: list[type[Exception]] = [bindings.ConfigurationError, records.RecordError]
  record = command_line.run_or_fail(lambda: _read(pathlib.Path(values.run_dir)), tuple(errors))
  threads = record.provenance["threads"]
  process.prepare_process(threads)
  process.start_tensorflow(threads, record.provenance["deterministic"])
  from lasem_tf.data import stream  # pylint: disable=import-outside-toplevel
  from lasem_tf.training import checkpoints  # pylint: disable=import-outside-toplevel

  errors += [stream.DataError, checkpoints.CheckpointError]
  return command_line.run_or_fail(lambda: _replay(record, values), tuple(errors))


def _read(run_dir: pathlib.Path):
  """The record, if its run can be repeated."""
  from benchmark.results import records  # pylint: disable=import-outside-toplevel

  record = records.read_record(run_dir)
  if record.status == "failed":
    raise records.RecordError(f"{run_dir}: the run failed ({record.result['reason']}), so there is no result to "
                              "compare.")
  for name in ("flags", "files", "design_seed", "threads", "deterministic"):
    if name not in record.provenance:
      raise records.RecordError(f"{run_dir}: the record's provenance has no {name}; the run cannot be repeated from "
                                "it.")
  return record


def _replay(record, values: flags.FlagValues) -> int:
  from benchmark.execution.settings import Settings  # noqa: PLC0415
  from benchmark.results import run_files  # noqa: PLC0415
  from benchmark.suites import suite  # pylint: disable=import-outside-toplevel

  run_dir = pathlib.Path(values.run_dir)
  file = _unchanged(record, run_dir / f"{values.configuration}.gin")
  old = record.provenance["flags"]
  run = suite.Run(record.stream, record.learner, record.scale, record.seed, record.provenance["design_seed"],
                  file.read_text(encoding="utf-8"), record.result["configuration_hash"],
                  names_defaults=file.name == run_files.OPERATIVE_FILE)
  with _folder(values.output_dir) as folder:
    settings = Settings(
        output_dir=folder, data_dirs=tuple(values.data_dir or old["data_dirs"]),
        cache_dir=values.cache_dir or old["cache_dir"], threads=old["threads"], deterministic=old["deterministic"], tensorboard=False)
    if settings.run_dir(run).resolve() == run_dir.resolve():
      command_line.fail(f"--output_dir={folder} holds the run that is to be repeated; name another.")
    again = _train(run, settings)
  return _compare(record, again)


def _train(run, settings):
  from benchmark.execution import display as display_lib, run_once, stopping  # pylint: disable=import-outside-toplevel
  from benchmark.suites import bindings  # pylint: disable=import-outside-toplevel
  from lasem_tf.training.interruption import Interrupted  # pylint: disable=import-outside-toplevel

  bindings.register_configurables()
  with display_lib.make_display({run.identity: 1.0}, 0) as display, stopping.StopRequest() as stop:
    display.begin(run.identity)
    report = lambda event: display.event(run.identity, event.to_json())
    try:
      record = run_once.execute(run, settings, report, lambda: stop.signal_number is not None)
    except Interrupted:
      display.end(run.identity, "interrupted", None)
      sys.exit(128 + stop.signal_number)
    display.end(run.identity, record.status, record.result["reason"])
    return record


def _unchanged(record, file: pathlib.Path) -> pathlib.Path:
  """The file, if it is what the record's run wrote."""
  from benchmark.results import records  # pylint: disable=import-outside-toplevel

  if not file.is_file():
    raise records.RecordError(f"{file} is missing; the run cannot be repeated without it.")
  if hashlib.sha256(file.read_bytes()).hexdigest() != record.provenance["files"].get(file.name):
    raise records.RecordError(f"{file} is not what the run wrote: it was edited or damaged. Restore it, or train anew "
                              "with benchmark.run.")
  return file


def _compare(record, again) -> int:
  # Through JSON: what was read has lists where what was just measured has tuples.
  old, new = record.to_json()["result"], again.to_json()["result"]
  found = list(differences(old, new))
  if not found:
    print(f"{record.identity}: equal, bit for bit.")
    return 0
  print(f"{record.identity}: differs in {len(found)} values.")
  for name, first, second in found[:20]:
    print(f"  {name}: {first} in the record, {second} now")
  for name in _CIRCUMSTANCES:
    first, second = record.provenance.get(name), again.provenance.get(name)
    if first != second:
      print(f"  Circumstances differ in {name}: {first} then, {second} now.")
  return 1


def differences(first: Any, second: Any, name: str = "result") -> Iterator[tuple[str, Any, Any]]:
  """Field, first and second value wherever two JSON values differ."""
  if isinstance(first, Mapping) and isinstance(second, Mapping):
    for key in sorted({*first, *second}):
      yield from differences(first.get(key), second.get(key), f"{name}.{key}")
  elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
    for index, (one, other) in enumerate(zip(first, second)):
      yield from differences(one, other, f"{name}[{index}]")
  elif first != second:
    yield name, first, second


@contextlib.contextmanager
def _folder(output_dir: str | None) -> Iterator[str]:
  if output_dir is not None:
    yield output_dir
    return
  with tempfile.TemporaryDirectory(prefix="replay_") as folder:
    yield folder


if __name__ == "__main__":
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
  sys.exit(main(sys.argv))

"""Trains one recorded run again, from the configuration beside its record, and compares the results bit for bit.

  python -m benchmark.replay runs/smoke/synthetic/stl/smoke/seed0
  python -m benchmark.replay runs/cifar100_lasem_hps/cifar100/lasem_hps/paper/seed0 --data_dir=Data --output_dir=again
  python -m benchmark.replay --run_dir=runs/smoke/synthetic/stl/smoke/seed0 --configuration=requested

Takes the operative configuration, which names every value that the run used, defaults included; or, with
--configuration=requested, what the gin files asked for. The new run goes to a temporary folder, or with --output_dir to
one that is kept and from which an interrupted replay goes on. It takes as long as the run took.

A Gin file is code: it imports and calls what it names. Replay a run from elsewhere only if you would also run a program
from there. What its record names is checked: the new run lies inside the output folder, whatever the record says.

Exit status: 0 the results are equal; 1 they differ (the fields are named, and what differs in machine and versions);
2 a flag, the record or the data are wrong; 130 after Ctrl-C and 143 after SIGTERM.
"""

import contextlib
import hashlib
import pathlib
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence

from absl import flags

from benchmark import command_line
from benchmark.execution import display as display_lib, process, stopping
from benchmark.execution.settings import Settings
from benchmark.results import differences, records, run_files, texts
from benchmark.results.records import Record
from benchmark.results.status import Status
from benchmark.suites import suite
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf.metrics.run_result import Tuning
from lasem_tf.training.interruption import Interrupted

_MOST_SHOWN = 20
_NEEDED = ("files", "design_seed", "threads", "deterministic")
_NEEDED_FLAGS = ("data_dirs", "cache_dir", "threads", "deterministic")


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
  return command_line.run_or_fail(lambda: _run(values), (ConfigurationError, records.RecordError), command_line.STOPPED)


def _run(values: flags.FlagValues) -> int:
  process.prepare_process()
  record = _read(pathlib.Path(values.run_dir))
  _check_unchanged(record, pathlib.Path(values.run_dir, f"{values.configuration}.gin"))
  threads = record.provenance["threads"]
  process.prepare_process(threads)
  process.start_tensorflow(threads, record.provenance["deterministic"])
  # TensorFlow takes its settings from the environment when it is first imported.
  from lasem_tf.data import stream  # noqa: PLC0415  see above
  from lasem_tf.training import checkpoints  # noqa: PLC0415  see above

  return command_line.run_or_fail(lambda: _compare(record, _repeat(record, values)),
                                  (stream.DataError, checkpoints.CheckpointError))


def _read(run_dir: pathlib.Path) -> Record:
  """The record, if its run can be repeated."""
  record = records.read_record(run_dir)
  if record.status == Status.FAILED:
    raise records.RecordError(f"{run_dir}: the run failed ({record.result['reason']}), so there is no result to "
                              "compare.")
  missing = [name for name in _NEEDED if name not in record.provenance]
  missing += [f"flags.{name}" for name in _NEEDED_FLAGS if name not in record.provenance.get("flags", {})]
  if missing:
    raise records.RecordError(f"{run_dir}: the record's provenance has no {', '.join(missing)}; the run cannot be "
                              "repeated from it.")
  return record


def _check_unchanged(record: Record, file: pathlib.Path) -> None:
  """Raises RecordError unless the file is what the record's run wrote."""
  if not file.is_file():
    raise records.RecordError(f"{file} is missing; the run cannot be repeated without it.")
  if hashlib.sha256(file.read_bytes()).hexdigest() != record.provenance["files"].get(file.name):
    raise records.RecordError(f"{file} is not what the run wrote: it was edited or damaged. Restore it, or train anew "
                              "with benchmark.run.")


def _repeat(record: Record, values: flags.FlagValues) -> Record:
  """Trains the run again; returns the new record."""
  run_dir = pathlib.Path(values.run_dir)
  old = record.provenance["flags"]
  run = suite.Run(record.stream, record.learner, record.scale, record.seed, record.provenance["design_seed"],
                  run_files.read_text(run_dir / f"{values.configuration}.gin"), record.result["configuration_hash"],
                  names_defaults=values.configuration == "operative",
                  bindings=tuple((record.result.get("variant") or {}).items()),
                  tuning=Tuning.from_json(record.result.get("tuning")))
  # A record may come from another machine: nothing is written to a folder that it names and that is not there.
  cache_dir = old["cache_dir"] if old["cache_dir"] and pathlib.Path(old["cache_dir"]).is_dir() else None
  with _folder(values.output_dir) as folder:
    settings = Settings(
        output_dir=folder, data_dirs=tuple(values.data_dir or old["data_dirs"]),
        cache_dir=values.cache_dir or cache_dir, threads=old["threads"], deterministic=old["deterministic"],
        tensorboard=False)
    if settings.run_dir(run).resolve() == run_dir.resolve():
      command_line.fail(f"--output_dir={folder} holds the run that is to be repeated; name another.")
    return _train(run, settings)


def _train(run: suite.Run, settings: Settings) -> Record:
  from benchmark.execution import run_once  # noqa: PLC0415  It imports TensorFlow, see above.

  with display_lib.make_display({run.identity: 1.0}, 0) as display, stopping.StopRequest() as stop:
    display.begin(run.identity)
    report = lambda event: display.event(run.identity, event.to_json())
    try:
      record = run_once.execute(run, settings, report, lambda: stop.signal_number is not None)
    except Interrupted:
      display.end(run.identity, Status.INTERRUPTED, None)
      sys.exit(128 + (stop.signal_number or signal.SIGINT))
    display.end(run.identity, record.status, record.result["reason"])
    return record


def _compare(record: Record, again: Record) -> int:
  # Through JSON: what was read has lists where what was just measured has tuples.
  results = differences.comparable(record.to_json()["result"], again.to_json()["result"])
  found = list(differences.of_values(*results))
  if not found:
    print(f"{record.identity}: equal, bit for bit.")
    return 0
  lines = [f"{record.identity}: differs in {len(found)} values."]
  lines += [f"  {name}: {first} in the record, {second} now" for name, first, second in found[:_MOST_SHOWN]]
  lines += [f"  Circumstances differ in {name}: {first} then, {second} now."
            for name, first, second in differences.of_circumstances(record.provenance, again.provenance)]
  print("\n".join(map(texts.printable, lines)))
  return 1


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

"""Runs a suite of lifelong learning experiments and writes its tables.

  python -m benchmark.run --gin_file=gin/suites/smoke.gin
  python -m benchmark.run --gin_file=gin/papers/cifar100_lasem_hps.gin --data_dir=Data
  python -m benchmark.run --gin_file=gin/suites/smoke.gin --gin_param='suite.seeds = (0, 1, 2)' --dry_run

The same command continues an unfinished suite; more learners or seeds extend it in the same folder. Every run's folder,
<output_dir>/<stream>/<learner>/<scale>/seed<k>, holds its record, events, configuration and checkpoints; table.md and
table.csv lie in <output_dir>. The smoke suite takes about a minute on two cores; --dry_run tells the cost of any other.

Exit status: 0 every run completed; 1 some run failed or diverged (the table shows which, and why); 2 a flag, a
configuration or the data are wrong (nothing was trained); 130 after Ctrl-C and 143 after SIGTERM (every run in progress
wrote a checkpoint).
"""

import os
import pathlib
import shutil
import signal
import sys

from absl import flags

from benchmark import command_line, environment


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_multi_string("gin_file", [], "Suite file; a path, or relative to the shipped gin files. May be repeated.",
                            flag_values=values)
  flags.DEFINE_multi_string("gin_param", [], "Binding that wins over the files, e.g. 'suite.seeds = (0, 1)'. May be repeated.",
                            flag_values=values)
  flags.DEFINE_string("output_dir", None, "Folder of the suite. Default: runs/<suite>.", flag_values=values)
  flags.DEFINE_multi_string("data_dir", [], "Folder of the raw data; several are searched in order. Default: $LASEM_DATA_DIR, "
                            "else Data.", flag_values=values)
  flags.DEFINE_string("cache_dir", None, "Folder for decoded images. Default: beside the data.", flag_values=values)
  flags.DEFINE_bool("download", False, "Let TensorFlow Datasets download what is missing.", flag_values=values)
  flags.DEFINE_integer("jobs", None, "Runs at a time, each on one core. Default: the usable cores.", lower_bound=1, flag_values=values)
  flags.DEFINE_integer("threads", 1, "Threads of one run; with more than one, results may differ in their last bits.",
                       lower_bound=1, flag_values=values)
  flags.DEFINE_bool("deterministic", False, "Ask for deterministic kernels on GPUs and with several threads; slower.",
                    flag_values=values)
  flags.DEFINE_float("checkpoint_seconds", 60.0, "Longest time between checkpoints of a run.", lower_bound=0.0, flag_values=values)
  flags.DEFINE_bool("tensorboard", True, "Write TensorBoard event files.", flag_values=values)
  flags.DEFINE_bool("dry_run", False, "List every run with its configuration hash and cost, then exit.", flag_values=values)
  flags.DEFINE_bool("overwrite", False, "Delete runs of another configuration that lie in the output folder.", flag_values=values)
  return values


def main(argv) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  if not values.gin_file:
    command_line.fail("--gin_file is missing: name a suite, such as --gin_file=gin/suites/smoke.gin.")
  environment.prepare_process()
  environment.import_tensorflow()
  from benchmark import configuration  # pylint: disable=import-outside-toplevel
  from benchmark import records  # pylint: disable=import-outside-toplevel
  from lasem_tf.data import stream  # pylint: disable=import-outside-toplevel

  return command_line.run_or_fail(lambda: _run(values), (configuration.ConfigurationError, stream.DataError, records.RecordError))


def _run(values: flags.FlagValues) -> int:
  from benchmark import execution, executors, planning, progress, records, suite, tables  # pylint: disable=import-outside-toplevel

  the_suite, runs = suite.load(values.gin_file, values.gin_param)
  settings = execution.Settings(
      output_dir=values.output_dir or os.path.join("runs", the_suite.name), data_dirs=_data_dirs(values), cache_dir=values.cache_dir,
      download=values.download, checkpoint_seconds=values.checkpoint_seconds, threads=values.threads,
      deterministic=values.deterministic, tensorboard=values.tensorboard)
  plans = planning.plan(runs, settings, needs_data=not values.dry_run)
  if values.dry_run:
    print(planning.render(plans))
    return 0
  _prepare_output(runs, settings, values.overwrite)
  waiting = [plan for plan in plans if execution.finished_record(settings.run_dir(plan.run)) is None]
  waiting.sort(key=lambda plan: -plan.training_gmacs)
  cores = environment.usable_cores()
  jobs = min(values.jobs or len(cores), max(1, len(waiting)))
  pins = [cores[job % len(cores)] if values.threads == 1 else None for job in range(jobs)]
  with progress.make_display({plan.run.identity: plan.training_gmacs for plan in waiting}, len(runs) - len(waiting)) as display:
    outcomes, signal_number = executors.LocalExecutor(settings, pins, display).run([plan.run for plan in waiting])
  return _finish(the_suite, runs, settings, outcomes, signal_number, records, tables)


def _finish(the_suite, runs, settings, outcomes, signal_number, records, tables) -> int:
  """Writes and prints the tables; returns the exit status."""
  present = [records.read_record(settings.run_dir(run)) for run in runs
             if (settings.run_dir(run) / records.RECORD_FILE).exists()]
  if present:
    path = tables.write_suite_tables(present, settings.output_dir, [run.identity for run in runs], the_suite.baseline)
    print(pathlib.Path(path).read_text(encoding="utf-8"))
    print(f"Written to {path}")
  if signal_number is not None:
    print("Stopped. The same command continues where every run left off.", file=sys.stderr)
    return 128 + signal_number
  locked = [identity for identity, (status, _) in outcomes.items() if status == "locked"]
  if locked:
    print(f"Trained by another process just now: {', '.join(locked)}.", file=sys.stderr)
  completed = {record.identity for record in present if record.is_completed}
  return 0 if completed == {run.identity for run in runs} else 1


def _data_dirs(values) -> tuple[str, ...]:
  return tuple(values.data_dir) or (os.environ.get("LASEM_DATA_DIR", "Data"),)


def _prepare_output(runs, settings, overwrite: bool) -> None:
  """Checks that the output folder can be written and holds no run of another configuration."""
  from benchmark.configuration import ConfigurationError  # pylint: disable=import-outside-toplevel
  from benchmark import run_folder  # pylint: disable=import-outside-toplevel

  try:
    pathlib.Path(settings.output_dir).mkdir(parents=True, exist_ok=True)
    probe = pathlib.Path(settings.output_dir, f".write_test_{os.getpid()}")
    probe.touch()
    probe.unlink()
  except OSError as error:
    raise ConfigurationError(f"--output_dir={settings.output_dir} cannot be written ({error.strerror}); name another.") from error
  for run in runs:
    directory = settings.run_dir(run)
    found = run_folder.configuration_hash(directory)
    if found in (None, run.configuration_hash):
      continue
    if not overwrite:
      raise ConfigurationError(f"{directory} holds a run of another configuration ({found}, not {run.configuration_hash}): "
                               "choose another --output_dir, or --overwrite to delete it.")
    shutil.rmtree(directory)


if __name__ == "__main__":
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
  try:
    sys.exit(main(sys.argv))
  except KeyboardInterrupt:
    print("Stopped. The same command continues where every run left off.", file=sys.stderr)
    sys.exit(128 + signal.SIGINT)

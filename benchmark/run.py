"""Runs a suite of lifelong learning experiments and writes its tables.

  python -m benchmark.run --gin_file=gin/suites/smoke.gin
  python -m benchmark.run --gin_file=gin/papers/cifar100_lasem_hps.gin --data_dir=Data
  python -m benchmark.run --gin_file=gin/suites/smoke.gin --gin_param='suite.seeds = (0, 1, 2)' --dry_run
  python -m benchmark.run --gin_file=gin/suites/smoke.gin --executor=ray --ray_address=auto
  python -m benchmark.run --gin_file=gin/suites/smoke.gin --shard=0/4
  python -m benchmark.run --gin_file=gin/suites/smoke.gin --gin_param=... --grow=runs/smoke --output_dir=runs/grown

The same command continues an unfinished suite; more learners or seeds extend it in the same folder. Every run's folder,
<output_dir>/<stream>/<learner>/<scale>/seed<k>, holds its record, events, configuration, log, checkpoints and final
model; table.md and table.csv lie in <output_dir>. With --grow, finished runs get further tasks: as new runs in a folder
of their own, whose records name where they went on from. A suite that tunes hyper-parameters trains its trials first,
with scale <scale>[tuning], then evaluates what their validation accuracies choose; see docs/tuning.md. The smoke suite
takes about a minute on two cores; --dry_run tells the cost of any other.

Exit status: 0 every run completed (a trial may diverge); 1 some run failed or diverged (the table shows which, and
why), nothing could be chosen for a learner, or the table cannot be written; 2 a flag, a configuration or the data are
wrong, or do not fit what the output folder holds (nothing was trained, but for the trials where what they chose does
not fit); 130 after Ctrl-C, 143 after SIGTERM and 129 after SIGHUP (every run in progress wrote a
checkpoint). What is printed decides nothing: a suite goes on, and ends with the same status, when its output is closed
or nobody reads it; but a dry run whose list cannot be written ends with 2.
"""

import functools
import math
import os
import signal
import sys
from collections.abc import Sequence

from absl import flags

from benchmark import command_line
from benchmark.execution import (
  cost_measurement,
  display as display_lib,
  plan as plan_lib,
  process,
  rounds,
  run_state,
  sampled,
  seed_plan,
  shards,
  stage,
  surroundings,
  tuned,
)
from benchmark.execution.local import planner as planner_lib, pool
from benchmark.execution.ray import address, executor as ray_executor
from benchmark.execution.settings import Settings
from benchmark.results.record_schema import RecordError
from benchmark.suites import suite
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf.data.stream import DataError

_MOST = 10_000  # Processes, or threads of one.


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  text, texts, switch, number = (functools.partial(define, flag_values=values) for define in (
      flags.DEFINE_string, flags.DEFINE_multi_string, flags.DEFINE_bool, flags.DEFINE_integer))
  texts("gin_file", [], "Suite file; a path, or relative to the shipped gin files. May be repeated.")
  texts("gin_param", [], "Binding that wins over the files, e.g. 'suite.seeds = (0, 1)'. May be repeated.")
  text("output_dir", None, "Folder of the suite. Default: runs/<suite>.")
  texts("data_dir", [], "Folder of the raw data; several are searched in order. Default: $LASEM_DATA_DIR, else Data.")
  text("cache_dir", None, "Folder for decoded images. Default: beside the data.")
  switch("download", False, "Let TensorFlow Datasets download what is missing.")
  number("jobs", None, "Runs at a time. Default: the usable cores, or as many as a CPU quota allows; with GPUs, one "
         "run for each; with Ray, what the cluster holds.", lower_bound=1, upper_bound=_MOST)
  number("threads", 1, "Threads of one run; with more than one, results may differ in their last bits.", lower_bound=1,
         upper_bound=_MOST)
  number("runs_per_gpu", 1, "Runs that share a GPU.", lower_bound=1, upper_bound=_MOST)
  flags.DEFINE_enum("executor", "local", ["local", "ray"], "Where runs are executed: on this machine, or as tasks of a "
                    "Ray cluster whose nodes share the output and data folders.", flag_values=values)
  text("ray_address", "auto", "Ray cluster: 'auto' for the one this machine belongs to, 'local' to start one here, or "
       "host:port of its head.")
  text("shard", None, "'i/n': only the i-th of n slices of the suite, from 0, equal in cost; for batch systems.")
  switch("deterministic", False, "Ask for deterministic kernels on GPUs and with several threads.")
  flags.DEFINE_float("checkpoint_seconds", 60.0, "Longest time between checkpoints of a run.", lower_bound=0.0,
                     flag_values=values)
  switch("tensorboard", True, "Write TensorBoard event files.")
  switch("keep_model", True, "Keep the final weights of every completed run in its folder, to use and to grow it.")
  text("grow", None, "Folder of a run, or of a suite with runs of the same names: every run goes on from the final "
       "weights there, with the tasks that its longer stream has at its end.")
  switch("predictions", True, "Write each run's logits of the test images beside its record, as predictions.npz.")
  switch("dry_run", False, "List every run with its configuration hash, cost, time on this machine and what the output "
         "folder holds of it, totals and disk space, then exit.")
  flags.DEFINE_float("detect", None, "With --dry_run: also say how many seeds find a difference of so many percentage "
                     "points from the suite's baseline, and what they cost.", lower_bound=0.0, flag_values=values)
  switch("overwrite", False, "Delete runs of another configuration that lie in the output folder.")
  return values


def main(argv) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  process.prepare_process()
  return command_line.run_or_fail(lambda: _run(values), (ConfigurationError, DataError, RecordError),
                                  only_prints=values.dry_run)


def _run(values: flags.FlagValues) -> int:
  # What needs no TensorFlow comes first: most mistakes are found here, within a second.
  if not values.gin_file:
    raise ConfigurationError("--gin_file is missing: name a suite, such as --gin_file=gin/suites/smoke.gin.")
  if values.detect is not None and not (values.dry_run and 0 < values.detect < 100):
    raise ConfigurationError(f"--detect={values.detect:g} plans seeds: name percentage points between 0 and 100, and "
                             "add --dry_run.")
  shard = shards.parse(values.shard) if values.shard is not None else (0, 1)
  with display_lib.patience("Planning: every configuration is put together and checked first."):
    first = sampled.begin(suite.expand(values.gin_file, values.gin_param))
  settings = _settings(values, first.suite)
  expansion = sampled.resume(first, settings)
  if values.executor == "ray":
    address.check(values.ray_address)
  if ignored := surroundings.describe_ignored():
    print(ignored, file=sys.stderr)
  with planner_lib.Planner() as planner:
    return _execute(planner, values, first, expansion, settings, shard)


def _execute(planner: planner_lib.Planner, values: flags.FlagValues, first: suite.Expansion, expansion: suite.Expansion,
             settings: Settings, shard: tuple[int, int]) -> int:
  places = process.places(values.jobs, planner.visible_gpus(), values.runs_per_gpu)
  decisions = tuned.decide(expansion.groups, settings)
  with display_lib.patience("Planning: every network is constructed first, which takes a while for many "
                            "configurations, tasks or layers."):
    plans = rounds.plan(planner, first, expansion, decisions, shard, settings, needs_data=not values.dry_run)
  own, trials = {plan.run for plan in plans}, set(expansion.trials)
  if values.dry_run:
    run_state.check_folders([plan.run for plan in plans], settings)
    _show(plans, expansion, settings, len(places), values.detect)
    return 0
  from benchmark import suite_check  # noqa: PLC0415  statistics take a second to load

  check = lambda plans: suite_check.check(planner, expansion, [plan.run for plan in plans], settings, values.overwrite)
  check(plans)
  make_executor = lambda num_waiting, display: _executor(values, settings, places[:max(1, num_waiting)], display)
  train = lambda plans: stage.train(planner, plans, settings, values.overwrite, make_executor)
  undecided: list[str] = []
  if trials:
    plans = [plan for plan in plans if plan.run in trials]
    expansion, outcomes, signal_number = rounds.train(planner, expansion, plans, settings, train)
    decisions = tuned.decide(expansion.groups, settings)
    own_decisions = [decision for decision in decisions if decision.group.trials[0][0] in own]
    tuned.keep(own_decisions, settings)
    undecided = [decision.obstacle for decision in own_decisions if not decision.runs]
    plans = planner.plan([run for decision in own_decisions for run in decision.runs], settings)
  else:
    outcomes, signal_number = {}, None
  if signal_number is None:
    if trials:  # What was chosen decides what stands beside what, and data may have changed meanwhile.
      check(plans)
    of_evaluated, signal_number = train(plans)
    outcomes = {**outcomes, **of_evaluated}
  from benchmark import suite_tables  # noqa: PLC0415  statistics and figures take a second to load

  runs = expansion.trials + [run for decision in decisions for run in decision.runs]
  return suite_tables.finish(expansion.suite, runs, [plan.run for plan in plans], settings, outcomes, signal_number,
                             undecided)


def _show(plans: Sequence[plan_lib.Plan], expansion: suite.Expansion, settings: Settings, num_places: int,
          detect: float | None) -> None:
  """Prints what --dry_run promises."""
  states, model = [run_state.of_run(plan.run, settings) for plan in plans], cost_measurement.measure()
  print(plan_lib.render(plans, model, num_places, states))
  from benchmark import suite_check  # noqa: PLC0415  statistics take a second to load

  print("\n".join(filter(None, [run_state.describe_disk(states, settings, [plan.num_bytes for plan in plans]),
                                sampled.describe(expansion),
                                *suite_check.describe(expansion, [plan.run for plan in plans], settings)])))
  if detect is not None:
    evaluated = [plan for plan in plans if plan.run.scale == expansion.suite.scale]
    print(f"\n{seed_plan.render(evaluated, model, expansion.suite.baseline, detect, settings.output_dir)}")


def _settings(values: flags.FlagValues, the_suite: suite.Suite) -> Settings:
  if not math.isfinite(values.checkpoint_seconds):
    raise ConfigurationError(f"--checkpoint_seconds={values.checkpoint_seconds} must be a number of seconds.")
  return Settings(
      output_dir=values.output_dir or os.path.join("runs", the_suite.name), data_dirs=command_line.data_dirs(values),
      cache_dir=values.cache_dir, download=values.download, checkpoint_seconds=values.checkpoint_seconds,
      threads=values.threads, deterministic=values.deterministic, tensorboard=values.tensorboard,
      predictions=values.predictions, keep_model=values.keep_model, grow=values.grow)


def _executor(values: flags.FlagValues, settings: Settings, places, display):
  """The engine that --executor names."""
  if values.executor == "ray":
    return ray_executor.RayExecutor(settings, values.ray_address, values.jobs, values.runs_per_gpu, display)
  return pool.LocalExecutor(settings, places, display)


if __name__ == "__main__":
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
  try:
    sys.exit(main(sys.argv))
  except KeyboardInterrupt:
    print("Stopped. The same command continues where every run left off.", file=sys.stderr)
    sys.exit(128 + signal.SIGINT)

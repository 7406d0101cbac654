"""The end of a suite: its tables, what went wrong, and the exit status."""

import sys
from collections.abc import Mapping, Sequence

from benchmark import command_line, suite_records
from benchmark.execution.outcome import Outcome
from benchmark.execution.settings import Settings
from benchmark.reporting import atlas as atlas_lib, atlas_tables, tables
from benchmark.results import choice as choice_lib, comparability, comparison, course, record_schema, run_details
from benchmark.results.records import Record
from benchmark.results.status import RECORDED, Status
from benchmark.suites import suite
from benchmark.suites.identity import Identity
from lasem_tf.files import write_atomically


def finish(the_suite: suite.Suite, runs: Sequence[suite.Run], own: Sequence[suite.Run], settings: Settings,
           outcomes: Mapping[str, Outcome], signal_number: int | None, undecided: Sequence[str] = ()) -> int:
  """Writes and prints the suite's tables, and says on standard error what went wrong.

  Args:
    the_suite: the suite.
    runs: all of its runs, trials included.
    own: those that were to be evaluated here; all, or a shard.
    settings: where.
    outcomes: (status, reason) by identity of the runs that were trained.
    signal_number: the signal that stopped the suite, if any.
    undecided: of which methods nothing was chosen, as sentences.

  Returns:
    The exit status.
  """
  present, problems = suite_records.usable(runs, settings)
  for problem in problems:
    print(f"Left out of the table: {problem}", file=sys.stderr)
  written = _write_tables(the_suite, runs, present, settings)
  if signal_number is not None:
    print("Stopped. The same command continues where every run left off.", file=sys.stderr)
    return 128 + signal_number
  for sentence in undecided:
    print(sentence, file=sys.stderr)
  locked = [identity for identity, (status, _) in outcomes.items() if status == Status.LOCKED]
  if locked:
    print(f"Trained by another process just now: {', '.join(locked)}.", file=sys.stderr)
  recorded = {record.identity for record in present}
  for identity, (status, reason) in outcomes.items():
    if status == Status.FAILED and identity not in recorded:
      print(f"{identity} failed and could not be recorded: {reason}", file=sys.stderr)
    elif status in RECORDED and identity not in recorded:
      print(f"{identity} {status}, but its record is gone from {settings.output_dir}.", file=sys.stderr)
  completed = {record.identity for record in present if record.is_completed}
  return 0 if written and not undecided and completed >= {run.identity for run in own} else 1


def _course(compared: Sequence[Record]) -> dict[str, dict[str, float]]:
  """Measures from the events of every run; of a run whose events are damaged none, which is said."""
  found: dict[str, dict[str, float]] = {}
  for record in compared:
    try:
      found |= course.of_runs([record], run_details.load_details([record]))
    except record_schema.RecordError as error:
      print(f"The table has no worst case and no learning curve of {record.identity}: {error}", file=sys.stderr)
  return found


def _write_tables(the_suite, runs, present, settings) -> bool:
  """Whether the tables are on disk, or there is nothing to put into them yet."""
  if not present:
    return True
  of_atlas, compared = atlas_lib.split(choice_lib.compared(present))
  baseline = the_suite.baseline
  if baseline is not None and not comparability.named(baseline, {
      name for record in compared for name in (record.learner, record.learner_as_recorded)}):
    print(f"No record of the baseline {baseline!r} yet, so the table tests nothing against it.", file=sys.stderr)
    baseline = None
  known = {(record.stream, record.scale) for record in of_atlas}
  called = {(record.stream, record.scale, record.learner_as_recorded): record.learner for record in compared}
  evaluated = [run for run in runs if run.scale == the_suite.scale and not (
      (run.stream, run.scale) in known and atlas_lib.source_and_target(run.learner, dict(run.bindings)))]
  expected = [str(Identity(run.stream, called.get((run.stream, run.scale, run.learner), run.learner), run.scale,
                           run.seed)) for run in evaluated]
  try:
    choices, atlas = choice_lib.choices(present), atlas_lib.pairs(of_atlas)
    panels = comparison.panels(compared, expected, baseline, course=_course(compared),
                               allow_mixed_tuning=the_suite.allow_mixed_tuning)
  except record_schema.RecordError as error:  # Data changed meanwhile, or a trial is too old: the runs are trained.
    print(f"The table was not written: {error}", file=sys.stderr)
    return False
  try:
    path = tables.write_suite_tables(compared, panels, settings.output_dir, choices)
    for name, content in atlas_tables.files(atlas).items() if atlas else ():
      write_atomically(path.with_name(name), content)
    if panels or choices or not atlas:
      print(tables.plain(compared, panels, choices, command_line.terminal_width()))
    if atlas:
      print(atlas_tables.plain(atlas))
    print(f"Written to {path}{' and atlas.md beside it' if atlas else ''}")
    return True
  except OSError as error:
    print(f"The tables could not be written to {settings.output_dir} ({error.strerror}). Make room, then start the "
          "same command again; finished runs are not trained again.", file=sys.stderr)
    return False

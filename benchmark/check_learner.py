"""Checks a learner of your own against the contract of every learner, before hours are spent on it.

  python -m benchmark.check_learner --gin_file=learners/frozen_trunk.gin
      the class that the file binds to experiment.learner, with all that the file binds, on a tiny network and stream
  python -m benchmark.check_learner --learner=lasem_hps
      a learner by name, as suites have it

Trains three tasks and visits one of them again, with kills in between, in some seconds. Checks that untrained answers
are guesses; that steps compile and learn; that phases change only what they declare; that structure() and variables()
are a complete checkpoint, and a killed run ends bit for bit where the whole one does; that parameters and costs are
counted; and what the class declares in `promises`: that it moves old tasks' answers no further than it says, trains no
old task's own weights and asks for no stored images unless it says so.

Exit status: 0 all is kept; 1 something is not, and the last line says what; 2 a flag, a file or a binding is wrong.
"""

import functools
import sys

from absl import flags

from benchmark import command_line
from benchmark.execution import process
from benchmark.suites import gin_files, gin_text, learner_names


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_string("gin_file", None, "Gin file that binds experiment.learner and imports the learner's module.",
                      flag_values=values)
  flags.DEFINE_string("learner", None, "Name of a learner, in place of a file.", flag_values=values)
  flags.DEFINE_multi_string("gin_param", [], "Binding that wins over the file. May be repeated.", flag_values=values)
  return values


def main(argv) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  if (values.gin_file is None) == (values.learner is None):
    command_line.fail("give either --gin_file, a learner's file, or --learner, a learner's name; see --help.")
  find = functools.partial(learner_names.resolve, values.learner) if values.learner else functools.partial(
      gin_text.Reader().read, [values.gin_file], values.gin_param)
  command_line.run_or_fail(find, (gin_files.ConfigurationError,))  # A misspelt name need not wait for TensorFlow.
  process.prepare_process()
  process.import_tensorflow()
  # These import TensorFlow, whose settings `prepare_process` makes first.
  from benchmark.inspection import learner_check  # noqa: PLC0415

  return command_line.run_or_fail(
      lambda: learner_check.check(values.gin_file, values.learner, tuple(values.gin_param)),
      (gin_files.ConfigurationError,), stopped=command_line.STOPPED, only_prints=True)


if __name__ == "__main__":
  sys.exit(main(sys.argv))

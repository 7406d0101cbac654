"""Lists learners, streams and suites, with one line about each, and what can be bound. Needs no TensorFlow.

  python -m benchmark.list
      all of them
  python -m benchmark.list learners
      learners alone, with all their names; `streams` and `suites` likewise
  python -m benchmark.list learners ewc
      what the name stands for, what it binds, and what else may be bound with --gin_param

Files of the working folder are listed beside the shipped ones. Takes a second. Exit status: 0 listed; 2 an unknown
name, or the list cannot be written.
"""

import sys
from collections.abc import Sequence

from benchmark import command_line
from benchmark.inspection import listing
from benchmark.results import texts
from benchmark.suites.gin_files import ConfigurationError


def define_flags():
  """The flags, not yet parsed."""
  return command_line.new_flags()


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  words = [word for word in argv[1:3] if not word.startswith("-")]
  command_line.parse(define_flags(), [argv[0], *argv[1 + len(words):]], __doc__)

  def run() -> int:
    for line in listing.lines(*words):
      print(texts.printable(line))
    return 0

  return command_line.run_or_fail(run, (ConfigurationError,), command_line.STOPPED, only_prints=True)


if __name__ == "__main__":
  sys.exit(main(sys.argv))

"""Writes reports/REPRODUCIBILITY.md and the generated blocks of Markdown files from the committed reports.

  python -m benchmark.reproducibility
  python -m benchmark.reproducibility --check

Every folder of --reports_dir with a records.jsonl is a report. REPRODUCIBILITY.md says for each method and stream which
recorded fixture of the original it agrees with, what was measured, at which scale, on which data, by which command and
commit; which pairs of gin/suites/paper_*.gin were not measured is listed with the commands to do so. In every
--markdown file, text between the markers

  <!-- generated: table reports/NAME -->
  <!-- end of generated text -->

is replaced by the short table of that report, with `takeaway` in place of `table` by what it comes to in words, with
`selection` by how well its searches chose layers, and with `atlas` by what each layer gives the next task; with
`table_without_caption` and the like, by the table alone (paths count from the folder of the file). A table or takeaway
leaves out the rows or references that `without=NAME,NAME` before `-->` names. --check writes nothing. Takes seconds.

Exit status: 0 written, or up to date; 1 --check found something stale; 2 a flag, record or marker is wrong.
"""

import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from benchmark import command_line
from benchmark.reporting import generated_text, reproduction_page
from benchmark.results import record_schema, run_files
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf.files import write_atomically

_PAGE = "REPRODUCIBILITY.md"


def generate(reports_dir: pathlib.Path, markdown: Sequence[pathlib.Path]) -> dict[pathlib.Path, str]:
  """What the files should hold, by path.

  Args:
    reports_dir: folder of reports, with `fixtures.csv`.
    markdown: files with generated blocks.

  Raises:
    RecordError: a record, the table of fixtures or a marker is wrong.
    ConfigurationError: a suite of the papers is no suite.
  """
  contents = {reports_dir / _PAGE: reproduction_page.render(reports_dir)}
  contents.update((path, generated_text.regenerate(run_files.read_text(path), path.parent, str(path)))
                  for path in markdown)
  return contents


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_string("reports_dir", "reports", "Folder of reports.", flag_values=values)
  flags.DEFINE_multi_string("markdown", ["README.md", "docs/results.md", "docs/selection_results.md"],
                            "File with generated blocks. May be repeated.", flag_values=values)
  flags.DEFINE_bool("check", False, "Write nothing; say what is stale.", flag_values=values)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  return command_line.run_or_fail(
      lambda: _run(values), (record_schema.RecordError, ConfigurationError), command_line.STOPPED,
      only_prints=values.check)


def _run(values: flags.FlagValues) -> int:
  contents = generate(pathlib.Path(values.reports_dir), [pathlib.Path(name) for name in values.markdown])
  stale = [path for path, text in contents.items() if not path.exists() or run_files.read_text(path) != text]
  for path in stale:
    if values.check:
      print(f"{path} is stale: python -m benchmark.reproducibility")
    else:
      write_atomically(path, contents[path])
      print(f"Written to {path}")
  if not stale:
    print("Everything is up to date.")
  return 1 if values.check and stale else 0


if __name__ == "__main__":
  sys.exit(main(sys.argv))

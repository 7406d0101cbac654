"""The records in a suite's folder that its table shows."""

import pathlib
from collections.abc import Iterable

from benchmark.execution.settings import Settings
from benchmark.results import records, run_files
from benchmark.suites import suite


def usable(runs: Iterable[suite.Run], settings: Settings) -> tuple[list[records.Record], list[str]]:
  """All of the folder's records, those of other commands too, and why others cannot be used.

  Args:
    runs: of the suite: their folders count only with the configuration that is planned.
    settings: where.
  """
  planned = {settings.run_dir(run): run for run in runs}
  found, problems = [], []
  for path in sorted(pathlib.Path(settings.output_dir).glob(f"*/*/*/seed*/{run_files.RECORD_FILE}")):
    try:
      record = records.read_record(path)
    except records.RecordError as error:
      problems.append(str(error))
      continue
    run = planned.get(path.parent)
    # A folder that was claimed with another configuration at the same moment holds a record that is not this suite's.
    if run is None or record.result["configuration_hash"] == run.configuration_hash:
      found.append(record)
  return found, problems

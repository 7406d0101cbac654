"""Run records in other forms.

  python -m benchmark.export --results_dir=runs/smoke --format=jsonl --output_dir=reports/smoke
  python -m benchmark.export --results_dir=runs/smoke --format=csv --output_dir=exported
  python -m benchmark.export --results_dir=runs/smoke --format=mat --output_dir=exported

jsonl: records.jsonl and details.jsonl (configurations, thinned curves), a collection that `benchmark.report` reads and
  that is small enough to commit.
csv: runs.csv, a row per run with every task average; accuracies.csv, a row per run, visit and task.
mat: one MATLAB file per stream, scale and learner, with the fields of the original's files for existing scripts; see
  `benchmark.results.matlab` for what each holds.
eval_results: a YAML file per stream, scale and learner for the folder .eval_results of a model on Hugging Face's Hub;
  --hub_dataset=owner/name is the benchmark's data set there.
schema: the JSON Schema of a record, for programs that read records; needs no --results_dir.

--results_dir may be repeated. Runs that diverged or failed are in jsonl and csv, with their status, not in mat. Takes
seconds. Exit status: 0 written; 2 a flag or a record is wrong.
"""

import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from benchmark import command_line
from benchmark.results import matlab, measures, record_schema, records, run_details, run_files, sharing, texts
from lasem_tf.files import write_atomically

FORMATS = ("jsonl", "csv", "mat", "eval_results", "schema")


def export(found: Sequence[records.Record], form: str, output_dir: pathlib.Path,
           hub_dataset: str | None = None) -> list[pathlib.Path]:
  """Writes records in one form.

  Args:
    found: as `records.load_records` returns them.
    form: one of `FORMATS`.
    output_dir: folder; made if missing.
    hub_dataset: for 'eval_results', see `sharing.eval_results`.

  Returns:
    The files written.

  Raises:
    ValueError: unknown form.
  """
  if form == "jsonl":
    details = run_details.load_details(found)
    paths = [output_dir / run_files.COLLECTION_FILE, output_dir / run_files.DETAILS_FILE]
    records.write_collection(found, paths[0])
    run_details.write_details(details, paths[1])
    return paths
  if form == "csv":
    frames = {"runs.csv": measures.runs_frame(found), "accuracies.csv": measures.accuracies_frame(found)}
    for name, frame in frames.items():
      write_atomically(output_dir / name, texts.csv_table(frame))
    return [output_dir / name for name in frames]
  if form == "mat":
    return matlab.write(found, run_details.load_details(found, sys.maxsize), output_dir)
  if form in ("eval_results", "schema"):
    texts_by_path = (sharing.eval_results(found, hub_dataset) if form == "eval_results" else
                     {pathlib.Path(record_schema.SCHEMA_PATH.name): record_schema.SCHEMA_PATH.read_text("utf-8")})
    for path, text in texts_by_path.items():
      write_atomically(output_dir / path, text)
    return [output_dir / path for path in texts_by_path]
  raise ValueError(f"Unknown format {form!r}: use one of {', '.join(FORMATS)}.")


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_multi_string("results_dir", [], "Folder with records, at any depth. May be repeated.",
                            flag_values=values)
  flags.DEFINE_enum("format", "jsonl", list(FORMATS), "What to write.", flag_values=values)
  flags.DEFINE_string("hub_dataset", None, "Of eval_results: owner/name of the benchmark's data set on the Hub.",
                      flag_values=values)
  flags.DEFINE_string("output_dir", None, "Folder to write to.", flag_values=values)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  for name in ("results_dir", "output_dir"):
    if not getattr(values, name) and (name, values.format) != ("results_dir", "schema"):
      command_line.fail(f"--{name} is missing; see --help.")
  return command_line.run_or_fail(lambda: _run(values), (record_schema.RecordError,), command_line.STOPPED)


def _run(values: flags.FlagValues) -> int:
  found = records.load_records(values.results_dir) if values.results_dir else []
  for path in export(found, values.format, pathlib.Path(values.output_dir), values.hub_dataset):
    print(f"Written to {path}")
  return 0


if __name__ == "__main__":
  sys.exit(main(sys.argv))

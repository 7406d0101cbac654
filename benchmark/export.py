"""Run records, or the trained model of a run, in other forms.

  python -m benchmark.export --results_dir=runs/smoke --format=jsonl --output_dir=reports/smoke
  python -m benchmark.export --results_dir=runs/smoke --format=csv --output_dir=exported
  python -m benchmark.export --results_dir=runs/smoke --format=mat --output_dir=exported
  python -m benchmark.export runs/smoke/synthetic/stl/smoke/seed0 --format=saved_model --output_dir=exported
  python -m benchmark.export runs/smoke/synthetic/stl/smoke/seed0 --format=keras --task=2 --output_dir=exported

Records:

jsonl: records.jsonl, details.jsonl (configurations, thinned curves) and, where runs have predictions, predictions.jsonl
  (confusion matrices, calibration errors, which answers were right), a collection that `benchmark.report` reads and
  that is small enough to commit.
csv: runs.csv, a row per run with every task average; accuracies.csv, a row per run, visit and task.
mat: one MATLAB file per stream, scale and learner, with the fields of the original's files for existing scripts; see
  `benchmark.results.matlab` for what each holds.
eval_results: a YAML file per stream, scale and learner for the folder .eval_results of a model on Hugging Face's Hub;
  --hub_dataset=owner/name is the benchmark's data set there.
schema: the JSON Schema of a record, for programs that read records; needs no --results_dir.

--results_dir may be repeated. Runs that diverged or failed are in jsonl and csv, with their status, not in mat.

Models, of the run whose folder is named first; with --task=N the network of one task, else those of all:

saved_model: a folder that TensorFlow loads without this package. One signature for each task, 'task0' and so on, and
  'serving_default' where there is one task: 'images' -> 'logits' and 'probabilities'. 'task0_photograph' takes
  'image', one of any size in RGB, uint8 [height, width, 3], and fits it as the stream does; decoding it, and turning it
  as EXIF says, is the caller's. assets.extra/classes.json names the classes.
keras: a file model.keras that keras.saving.load_model loads after `import benchmark.models.keras_network`. Images ->
  logits, a dictionary by task where there are several.

Preprocessing is inside: images are 8-bit pixels of the network's size, [n, height, width, channels]; for streams that
are not made of pixels, such as the built-in one, floats as the network sees them.

Takes seconds. Exit status: 0 written; 2 a flag, a record or a model is wrong.
"""

import os
import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from benchmark import command_line
from benchmark.execution import process
from benchmark.models import model_folder
from benchmark.results import matlab, measures, record_schema, records, run_details, run_files, sharing, texts
from benchmark.results.predictions import reading, summaries
from lasem_tf.files import write_atomically

FORMATS = ("jsonl", "csv", "mat", "eval_results", "schema")
MODEL_FORMATS = ("keras", "saved_model")


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
    details, predicted = run_details.load_details(found), reading.summaries(found)
    paths = [output_dir / run_files.COLLECTION_FILE, output_dir / run_files.DETAILS_FILE]
    records.write_collection(found, paths[0])
    run_details.write_details(details, paths[1])
    of_predictions = output_dir / run_files.SUMMARIES_FILE
    return [*paths, of_predictions] if summaries.write(predicted, found, of_predictions) else paths
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
  flags.DEFINE_enum("format", "jsonl", [*FORMATS, *MODEL_FORMATS], "What to write.", flag_values=values)
  flags.DEFINE_string("task", "all", "Of a model: number of a task, from 0, or 'all'.", flag_values=values)
  flags.DEFINE_string("hub_dataset", None, "Of eval_results: owner/name of the benchmark's data set on the Hub.",
                      flag_values=values)
  flags.DEFINE_string("output_dir", None, "Folder to write to.", flag_values=values)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  names = command_line.parse(values, argv, __doc__, takes_names=True)
  if not values.output_dir:
    command_line.fail("--output_dir is missing; see --help.")
  if values.format in MODEL_FORMATS:
    return _export_model(values, names)
  if names:
    command_line.fail(f"unexpected argument {names[0]!r}: records are named with --results_dir={names[0]}; see --help.")
  if not values.results_dir and values.format != "schema":
    command_line.fail("--results_dir is missing; see --help.")
  return command_line.run_or_fail(lambda: _run(values), (record_schema.RecordError,), command_line.STOPPED)


def _export_model(values: flags.FlagValues, names: Sequence[str]) -> int:
  if len(names) != 1 or values.results_dir:
    command_line.fail(f"--format={values.format} takes the folder of one run as an argument, such as "
                      "runs/smoke/synthetic/stl/smoke/seed0, and no --results_dir.")
  folder = pathlib.Path(os.path.expanduser(names[0]))

  def run() -> int:
    model_folder.check(folder)
    process.prepare_process()
    process.start_tensorflow()
    # Records are exported without TensorFlow, which takes its settings from the environment when it is first imported.
    from benchmark.models import exporting  # noqa: PLC0415  see above

    print(f"Written to {exporting.export(folder, values.format, values.task, pathlib.Path(values.output_dir))}")
    return 0

  return command_line.run_or_fail(run, (model_folder.ModelError,), command_line.STOPPED)


def _run(values: flags.FlagValues) -> int:
  found = records.load_records(values.results_dir) if values.results_dir else []
  for path in export(found, values.format, pathlib.Path(values.output_dir), values.hub_dataset):
    print(f"Written to {path}")
  return 0


if __name__ == "__main__":
  sys.exit(main(sys.argv))

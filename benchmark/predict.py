"""What a trained run says of images: names of classes and their probabilities.

  python -m benchmark.predict runs/suite/photos/lasem_hps/paper/seed0 --task=2 new/photo.jpg
  python -m benchmark.predict RUN_DIR --task=0 folder/of/photos --format=csv > answers.csv
  python -m benchmark.predict RUN_DIR --task=auto a.png b.png --format=json

Images are files of any size, and folders, of which all images below are taken. They are prepared exactly as those of
the task were in training; neither the data set nor its cache is needed. --task=auto prepares each image for every task
and takes the one whose head gives the largest logit: a guess, as heads are trained apart (task-incremental learning).

text: the three most probable classes of each image, in a line. csv: a row for each image and class, most probable
first. json: a list with an entry for each image, which also has the logits: for a test image of the run, those of its
predictions.npz to the bit (on the same machine, with as many threads).

A model's configuration is Gin text, which imports and calls what it names: use a model from elsewhere only if you would
also run a program from there.

Exit status: 0 written; 2 a flag, the model or an image is wrong, or the answers cannot be written.
"""

import json
import os
import pathlib
import sys
from collections.abc import Iterable, Sequence

import pandas as pd
from absl import flags

from benchmark import command_line
from benchmark.execution import process
from benchmark.models import model_folder
from benchmark.results import texts
from lasem_tf.data.readers import image_decoding, image_folders
from lasem_tf.data.stream import DataError

_NUM_SHOWN = 3
_BATCH = 256  # Images decoded at a time.
_SUFFIXES_HINT = "name image files, or folders that hold some"


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_string("task", None, "Number of the task that the images belong to, from 0, or 'auto'.",
                      flag_values=values)
  flags.DEFINE_enum("format", "text", ["text", "csv", "json"], "What to write.", flag_values=values)
  flags.DEFINE_integer("threads", 1, "Threads.", lower_bound=1, upper_bound=10_000, flag_values=values)
  return values


def main(argv: Sequence[str]) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  names = command_line.parse(values, argv, __doc__, takes_names=True)
  if not names:
    command_line.fail("name the run's folder, such as runs/smoke/synthetic/stl/smoke/seed0, and then images.")
  if not names[1:]:
    command_line.fail(f"no image is named: after the run's folder {names[0]}, {_SUFFIXES_HINT}.")
  return command_line.run_or_fail(lambda: _run(values, pathlib.Path(os.path.expanduser(names[0])), names[1:]),
                                  (model_folder.ModelError, DataError), command_line.STOPPED, only_prints=True)


def _run(values: flags.FlagValues, run_dir: pathlib.Path, names: Sequence[str]) -> int:
  model_folder.check(run_dir)
  paths = _image_files(names)
  process.prepare_process(values.threads)
  process.start_tensorflow(values.threads)
  # TensorFlow takes its settings from the environment when it is first imported.
  from benchmark.models import trained_model  # noqa: PLC0415  see above

  model = trained_model.load(run_dir)
  if values.task is None:
    command_line.fail(f"--task is missing: the model learned tasks {', '.join(map(str, model.learned_tasks))}; name "
                      "one, or --task=auto.")
  is_auto = values.task == trained_model.AUTO
  task: trained_model.Task = trained_model.AUTO if is_auto else model.task_number(values.task)
  if is_auto:
    print("--task=auto: the task of an image is the one whose head gives the largest logit.", file=sys.stderr)
  answers = [answer for start in range(0, len(paths), _BATCH)
             for answer in model.predict(paths[start:start + _BATCH], task)]
  rows = [{"path": str(path), "task": answer.task_id, "class": answer.class_name,
           "probabilities": _by_class(answer.class_names, answer.probabilities),
           "logits": _by_class(answer.class_names, answer.logits)} for path, answer in zip(paths, answers)]
  print(_FORMS[values.format](rows), end="")
  return 0


def _by_class(names: Sequence[str], values: Iterable[float]) -> dict[str, float]:
  """A value for each class, largest first."""
  return dict(sorted(zip(names, map(float, values)), key=lambda pair: -pair[1]))


def _image_files(names: Sequence[str]) -> list[pathlib.Path]:
  """The files, and the images below the folders, in order of their paths."""
  files: list[pathlib.Path] = []
  for path in (pathlib.Path(os.path.expanduser(name)) for name in names):
    if not path.is_dir():
      if not path.exists():
        command_line.fail(f"{path}: no such file; {_SUFFIXES_HINT}.")
      files.append(path)
      continue
    found = image_folders.images_below(path)
    if not found:
      command_line.fail(f"{path} holds no image ({', '.join(image_decoding.SUFFIXES)}).")
    files += found
  return files


def _text(rows: Sequence[dict]) -> str:
  lines = []
  for row in rows:
    best = list(row["probabilities"].items())[:_NUM_SHOWN]
    said = ", ".join(f"{name} {100.0 * probability:.1f} %" for name, probability in best)
    lines.append(texts.printable(f"{row['path']}: task {row['task']}: {said}"))
  return "".join(f"{line}\n" for line in lines)


def _csv(rows: Sequence[dict]) -> str:
  cells = [(row["path"], row["task"], rank, name, probability) for row in rows
           for rank, (name, probability) in enumerate(row["probabilities"].items(), start=1)]
  return texts.csv_table(pd.DataFrame(cells, columns=["path", "task", "rank", "class", "probability"]))


def _json(rows: Sequence[dict]) -> str:
  return json.dumps(list(rows), indent=1, ensure_ascii=False) + "\n"


_FORMS = {"text": _text, "csv": _csv, "json": _json}


if __name__ == "__main__":
  sys.exit(main(sys.argv))

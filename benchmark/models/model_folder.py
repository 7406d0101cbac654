"""Where a run keeps its final model, and why there is none. No TensorFlow: a wrong name is refused at once."""

import pathlib

from benchmark.results import run_files


class ModelError(ValueError):
  """A trained model cannot be used as asked; the message names the folder and the remedy."""


def of_run(directory: pathlib.Path) -> pathlib.Path:
  """The folder of the model of a run; of the run's folder, or of itself."""
  return directory if directory.name == run_files.MODEL_FOLDER else directory / run_files.MODEL_FOLDER


def run_of(folder: pathlib.Path, identity: str) -> pathlib.Path:
  """The folder itself if it is that of a run, else the one below it that is that of the run of this identity."""
  is_of_a_run = (folder / run_files.MODEL_FOLDER).is_dir() or (folder / run_files.IDENTITY_FILE).exists()
  return folder if is_of_a_run else folder / identity


def check(directory: pathlib.Path) -> None:
  """Raises ModelError if there is no model; whether it is sound is found out when it is read."""
  if not of_run(directory).is_dir():
    raise ModelError(why_missing(directory))


def why_missing(directory: pathlib.Path) -> str:
  """What a folder without a model is, and what to name or to do."""
  if not directory.is_dir():
    return f"{directory}: no such folder; name the folder of a run, such as runs/smoke/synthetic/stl/smoke/seed0."
  if (directory / run_files.RECORD_FILE).exists():
    return (f"{directory} keeps no model: the run did not complete, was trained with --nokeep_model, or by a version "
            "that kept none. Train it again to have one.")
  if (directory / run_files.IDENTITY_FILE).exists():
    return f"{directory} holds a run that has not finished: start its command again first."
  inside = sorted(path.parent for path in directory.rglob(run_files.RECORD_FILE))
  hint = f", such as {inside[0]}" if inside else ""
  return f"{directory} is not the folder of a run: name one that holds {run_files.RECORD_FILE}{hint}."

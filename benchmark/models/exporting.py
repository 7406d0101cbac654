"""Writes trained models in formats that other programs load."""

import json
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

import tensorflow as tf

from benchmark.models import keras_network, saved_run, trained_model
from benchmark.models.model_folder import ModelError
from lasem_tf.training import serving

_CLASSES_FILE = "classes.json"


def export(run_dir: pathlib.Path, form: str, task: str, output_dir: pathlib.Path) -> pathlib.Path:
  """Exports the model of a run.

  Args:
    run_dir: folder of the run.
    form: 'keras' or 'saved_model'.
    task: number of a task, or 'all'.
    output_dir: where `model.keras` or the folder `saved_model` is written.

  Returns:
    What was written.

  Raises:
    ModelError: there is no such model or task, the learner cannot be exported, or the file exists.
  """
  saved = saved_run.read(run_dir)
  model = trained_model.TrainedModel(saved)
  task_ids = list(model.learned_tasks) if task == "all" else [model.task_number(task)]
  target = output_dir / ("model.keras" if form == "keras" else "saved_model")
  if target.exists():
    raise ModelError(f"{target} exists: delete it, or name another --output_dir.")
  output_dir.mkdir(parents=True, exist_ok=True)
  # Written beside its place and then renamed, so that a reader never sees a part of it.
  with tempfile.TemporaryDirectory(dir=output_dir, prefix=".unfinished-") as folder:
    unfinished = pathlib.Path(folder, target.name)
    try:
      (_write_keras if form == "keras" else _write_saved_model)(saved, model, task_ids, unfinished)
    except tf.errors.ResourceExhaustedError as error:
      raise ModelError(f"{target} cannot be written: make room, or name another --output_dir "
                       f"({' '.join(str(error).split())[:200]}).") from error
    except (TypeError, ValueError, NotImplementedError, tf.errors.OpError) as error:
      raise ModelError(f"{type(model.learner).__name__} cannot be exported as {form}: its network of some task is no "
                       f"function that TensorFlow can store ({' '.join(str(error).split())[:300]}).") from error
    shutil.move(unfinished, target)
  return target


def _write_saved_model(saved: saved_run.SavedRun, model: trained_model.TrainedModel, task_ids: Sequence[int],
                       path: pathlib.Path) -> None:
  served = serving.ServedNetwork(model.learner, {task_id: saved.tasks[task_id].preprocessing for task_id in task_ids})
  tf.saved_model.save(served, str(path), signatures=served.functions)
  names = {f"task{task_id}": list(saved.tasks[task_id].info.class_names) for task_id in task_ids}
  folder = path / "assets.extra"  # The place that the format has for what its loaders do not read.
  folder.mkdir()
  (folder / _CLASSES_FILE).write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")


def _write_keras(saved: saved_run.SavedRun, model: trained_model.TrainedModel, task_ids: Sequence[int],
                 path: pathlib.Path) -> None:
  network = keras_network.TrainedNetwork(keras_network.describe(saved, list(task_ids)), model.learner)
  network.save(path)

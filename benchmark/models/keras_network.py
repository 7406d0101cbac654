"""A trained run as a Keras model, which `keras.saving.load_model` restores once this module is imported."""

import json
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmark.models import saved_run
from benchmark.suites import suite
from lasem_tf.learners import base
from lasem_tf.training import checkpoints, serving, session as session_lib


@keras.saving.register_keras_serializable(package="lasem_tf")
class TrainedNetwork(keras.Model):
  """Pixels -> logits of one task, or of several as {'task{t}': logits}; preprocessing inside.

  The learner is rebuilt from its configuration, so that any learner can be saved; its variables are stored by name.
  """

  def __init__(self, description: dict[str, Any], learner: base.Learner | None = None, **options):
    """Rebuilds the learner.

    Args:
      description: see `describe`.
      learner: with its weights; None: a fresh one, whose weights are loaded next.
      **options: of a Keras model.
    """
    super().__init__(**options)
    saved = _restored(description)
    self._description = json.dumps(description)  # A text, as Keras would track and wrap lists and dictionaries.
    self._learner = saved.build()[1] if learner is None else learner
    if learner is None:
      self._learner.restore_structure(saved.checkpoint.state["structure"])
    self._rules = [(task_id, saved.tasks[task_id].preprocessing) for task_id in description["task_ids"]]
    self.built = True

  def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor | dict[str, tf.Tensor]:
    """Logits `[n, classes]`; images as `serving.prepared` takes them. Nothing differs in training."""
    del training
    logits = {f"task{task_id}": self._learner.logits(serving.prepared(images, rule), task_id)
              for task_id, rule in self._rules}
    return next(iter(logits.values())) if len(logits) == 1 else logits

  def get_config(self) -> dict[str, Any]:
    """What `from_config` needs; JSON-able."""
    return {"name": self.name, "description": json.loads(self._description)}

  @classmethod
  def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "TrainedNetwork":
    """The inverse of `get_config`, as yet without the weights."""
    del custom_objects
    return cls(config["description"], name=config["name"])

  def build_from_config(self, config: dict[str, Any]) -> None:
    """The constructor has built everything."""

  def save_own_variables(self, store: Any) -> None:
    """Every variable of the learner under its number in the order of names."""
    for number, (_, variable) in enumerate(sorted(self._learner.variables().items())):
      store[str(number)] = variable.numpy()

  def load_own_variables(self, store: Any) -> None:
    """The inverse of `save_own_variables`; raises CheckpointError where shapes differ."""
    names = sorted(self._learner.variables())
    session_lib.assign_strictly(self._learner.variables(),
                                {name: np.asarray(store[str(number)]) for number, name in enumerate(names)})


def describe(saved: saved_run.SavedRun, task_ids: list[int]) -> dict[str, Any]:
  """All but the weights that a saved network is made of, JSON-able."""
  return {"run": saved.run.to_json(), "image_shape": list(saved.image_shape), "task_ids": list(task_ids),
          "tasks": [task.to_json() for task in saved.tasks], "structure": saved.checkpoint.state["structure"]}


def _restored(description: dict[str, Any]) -> saved_run.SavedRun:
  tasks = tuple(saved_run.SavedTask.from_json(number, values) for number, values in enumerate(description["tasks"]))
  return saved_run.SavedRun(suite.Run.from_json(description["run"]), tuple(description["image_shape"]), tasks,
                            checkpoints.Checkpoint({"structure": description["structure"]}, {}))

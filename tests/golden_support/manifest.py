"""From a manifest to a backbone and a learner, for any fixture of the recorded form."""

import dataclasses
import importlib
import json
import pathlib

import numpy as np

from lasem_tf import types
from lasem_tf.knowledge import base as knowledge_base
from lasem_tf.learners import base as learners_base
from lasem_tf.nn import architecture
from lasem_tf.selection import base as selection_base

LEARNERS = {
    "composed": ("lasem_tf.learners.composed", "Composed"),
    "single_task": ("lasem_tf.learners.single_task", "SingleTask"),
    "single_network": ("lasem_tf.learners.single_network", "SingleNetwork"),
    "progressive": ("lasem_tf.learners.progressive", "ProgressiveNetwork"),
    "channel_gated_soft": ("lasem_tf.learners.channel_gated_soft", "ChannelGatedSoft"),
    "additive_decomposition": ("lasem_tf.learners.additive.release", "AdditiveRelease"),
}
KNOWLEDGE = {
    "hard_sharing": ("lasem_tf.knowledge.hard_sharing", "HardSharing"),
    "tensor_factors": ("lasem_tf.knowledge.tensor_factors", "TensorFactors"),
    "deconvolution": ("lasem_tf.knowledge.deconvolution", "Deconvolution"),
}
SELECTION = {
    "static": ("lasem_tf.selection.static", "Static"),
    "expectation": ("lasem_tf.selection.expectation", "Expectation"),
    "differentiable": ("lasem_tf.selection.differentiable", "Differentiable"),
    "exhaustive": ("lasem_tf.selection.exhaustive", "Exhaustive"),
}


class MissingMethod(Exception):
  """The method of a fixture is not built yet."""


@dataclasses.dataclass(frozen=True)
class Fixture:
  """One recording: its manifest and its arrays.

  Attributes:
    name: stem of both files.
    manifest: the JSON file.
    arrays: the npz file, by array name; empty where there is none.
  """

  name: str
  manifest: dict
  arrays: dict[str, np.ndarray]

  @classmethod
  def load(cls, folder: pathlib.Path, name: str) -> "Fixture":
    """Reads `name`.json and, if there is one, `name`.npz."""
    manifest = json.loads((folder / f"{name}.json").read_text())
    path = folder / f"{name}.npz"
    arrays = {}
    if path.exists():
      with np.load(path) as stored:
        arrays = {key: stored[key] for key in stored.files}
    return cls(name, manifest, arrays)

  def under(self, prefix: str) -> dict[str, np.ndarray]:
    """Arrays below a prefix, by the rest of their names."""
    prefix += "/"
    return {name.removeprefix(prefix): array for name, array in self.arrays.items() if name.startswith(prefix)}


def pairs(flat: list[int]) -> list[tuple[int, int]]:
  """[a0, b0, a1, b1, ...] as pairs."""
  return list(zip(flat[::2], flat[1::2]))


def squares(flat: list[int], what: str) -> tuple[int, ...]:
  """Sides of square windows given as [h0, w0, h1, w1, ...]."""
  if any(height != width for height, width in pairs(flat)):
    raise ValueError(f"{what} {flat} are not square; the backbone knows square ones only.")
  return tuple(flat[::2])


def build_spec(network: dict, keep_probability: float) -> architecture.ConvNetSpec:
  """The backbone of a manifest's `network`."""
  return architecture.ConvNetSpec(
      image_shape=tuple(network["input"]), kernel_sizes=squares(network["kernels"], "kernels"),
      channels=tuple(network["channels"]), pool_sizes=squares(network["pool"], "pools"),
      dense_sizes=tuple(network["fc"]), padding=network["padding"].lower(),
      dropout_keep_probability=keep_probability)


def reference_behaviour(method: dict) -> types.ReferenceBehaviour:
  """The switches that this method's recording needs; every other correction stays on."""
  deconvolution = method.get("knowledge") == "deconvolution"
  selection = method.get("selection")
  differentiable = selection == "differentiable"
  return types.ReferenceBehaviour(
      doubled_regulariser=deconvolution,
      redraw_unadopted_at_revisit=selection in ("expectation", "differentiable"),
      darts_double_update_at_revisit=differentiable and method.get("knowledge") == "hard_sharing",
      darts_second_order_as_released=differentiable and method.get("order") == 2,
      additive_anchor_off=method["learner"] == "additive_decomposition",
      soft_gates=method["learner"] == "channel_gated_soft")


def find_class(table: dict, kind: str):
  """The class that implements a kind named by a manifest.

  Raises:
    ValueError: if this suite does not know the kind.
    MissingMethod: if it knows it and has not built it.
  """
  if kind not in table:
    raise ValueError(f"unknown kind {kind!r}: this test knows {', '.join(table)}")
  module_name, class_name = table[kind]
  found = getattr(find_module(module_name), class_name, None)
  if found is None:
    raise MissingMethod(f"{module_name}.{class_name}")
  return found


def find_module(name: str):
  """Imports a module of the suite; raises MissingMethod if it is not there."""
  try:
    return importlib.import_module(name)
  except ModuleNotFoundError as error:
    if error.name != name:
      raise
    raise MissingMethod(name) from error


@dataclasses.dataclass(frozen=True)
class Built:
  """A learner and what it was composed of.

  Attributes:
    learner: the learner.
    knowledge: its knowledge, or None for a learner that is no composition.
    selection: its selection, or None.
  """

  learner: learners_base.Learner
  knowledge: knowledge_base.Knowledge | None = None
  selection: selection_base.Selection | None = None


def build(fixture: Fixture, seed: int = 0) -> Built:
  """The learner of a fixture, with the hyper-parameters of its manifest."""
  method, network = fixture.manifest["method"], fixture.manifest["network"]
  hyper = fixture.manifest.get("method_hyperparameters") or {}
  optimizer = fixture.manifest["optimizer"]
  context = learners_base.LearnerContext(
      spec=build_spec(network, fixture.manifest.get("dropout_keep_prob", 1.0)), num_classes=tuple(network["classes"]),
      seed=seed, epochs_per_task=fixture.manifest.get("epochs_per_task", 3), batch_size=network["batch"],
      learning_rate=optimizer["base_lr"], reference=reference_behaviour(method))
  learner = find_class(LEARNERS, method["learner"])
  if method["learner"] != "composed":
    return Built(learner(context, **LEARNER_OPTIONS.get(method["learner"], lambda hyper: {})(hyper)))
  knowledge, selection = find_class(KNOWLEDGE, method["knowledge"]), find_class(SELECTION, method["selection"])
  knowledge = knowledge(**KNOWLEDGE_OPTIONS[method["knowledge"]](hyper, network))
  selection = selection(**SELECTION_OPTIONS[method["selection"]](method))
  return Built(learner(context, knowledge, selection), knowledge, selection)


LEARNER_OPTIONS = {
    "progressive": lambda hyper: {"reduction_scale": hyper["dim_reduction_scale"]},
    "channel_gated_soft": lambda hyper: {
        "gate_sizes": tuple(hyper["gating_module_size"]), "temperature": hyper["gating_temperature"],
        "sparsity_weight": hyper["sparsity_loss_weight"]},
    "additive_decomposition": lambda hyper: {"sparsity_weight": hyper["lambda1"], "anchor_weight": hyper["lambda2"]},
}
KNOWLEDGE_OPTIONS = {
    "hard_sharing": lambda hyper, network: {}, "tensor_factors": lambda hyper,
    network: {"orthogonality_weight": hyper["auxiliary_loss_weight"]},
    "deconvolution": lambda hyper, network: {
        "sizes": tuple((*base, *maps, stride) for base, maps, stride in zip(
            pairs(network["KB"]), pairs(network["TS"]), squares(network["DS"], "deconvolution strides"))),
        "knowledge_scale": hyper["regularization_scale"][1], "transform_scale": hyper["regularization_scale"][3]},
}
SELECTION_OPTIONS = {
    "static": lambda method: {"configuration": "".join("01"[bool(bit)] for bit in method["configuration"])},
    "expectation": lambda method: {
        "likelihood": method["likelihood"], "prior": method["prior"],
        "prior_initial_count": method["prior_initial_count"],
        "reset_prior_each_epoch": method["reset_prior_each_epoch"],
        "layer_groups": tuple(method.get("layer_groups", ()))},
    "differentiable": lambda method: {"order": method["order"]}, "exhaustive": lambda method: {},
}

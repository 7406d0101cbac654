"""The networks of the papers at their real sizes: variables, counts, shapes, statistics of initial values."""

import contextlib
from unittest import mock

import numpy as np
import tensorflow as tf

from lasem_tf import types
from lasem_tf.learners import base
from lasem_tf.nn import initializers
from tests.golden_support import comparison, manifest

COMPOSED = {"hps": ("hard_sharing", "static"), "hybrid_tf": ("tensor_factors", "static"),
            "hybrid_dfcnn": ("deconvolution", "static"), "hybrid_hps_darts": ("hard_sharing", "differentiable"),
            "hybrid_dfcnn_darts": ("deconvolution", "differentiable"), "hybrid_hps_em": ("hard_sharing", "expectation"),
            "hybrid_tf_em": ("tensor_factors", "expectation"), "hybrid_dfcnn_auto_em": ("deconvolution", "expectation")}
OTHERS = {"stl": "single_task", "snn": "single_network", "prognn": "progressive", "channel_gate": "channel_gated_soft",
          "apd": "additive_decomposition"}


def check(fixture: manifest.Fixture) -> comparison.Comparison:
  """Builds every model of every stream, one task after the other, without training."""
  result = comparison.Comparison()
  for stream, setting in fixture.manifest.items():
    for name, model in setting["models"].items():
      _check_model(f"{stream}/{name}", setting, model, result)
  return result


def _fixture_of(name: str, setting: dict, model: dict) -> manifest.Fixture:
  """The model in the form of a stage fixture's manifest."""
  hyper, kind = model["hyper"], model["model_type"]
  if kind in COMPOSED:
    knowledge, selection = COMPOSED[kind]
    method = {"learner": "composed", "knowledge": knowledge, "selection": selection,
              "configuration": hyper.get("conv_sharing"), "order": hyper.get("darts_approx_order"),
              "likelihood": "product", "prior": "count", "prior_initial_count": 1.0,
              "reset_prior_each_epoch": False}
  elif kind in OTHERS:
    method = {"learner": OTHERS[kind]}
  else:
    raise ValueError(f"{name}: unknown model type {kind!r}")
  network = {"input": hyper["image_dimension"], "kernels": hyper["kernel_sizes"], "channels": hyper["channel_sizes"],
             "pool": hyper["pooling_size"], "fc": hyper["hidden_layer"], "batch": hyper["batch_size"],
             "padding": hyper["padding_type"], "classes": [setting["classes_per_task"]] * len(model["tasks"]),
             "KB": hyper.get("cnn_KB_sizes"), "TS": hyper.get("cnn_TS_sizes"),
             "DS": hyper.get("cnn_deconv_stride_sizes")}
  return manifest.Fixture(name, {"method": method, "network": network, "method_hyperparameters": hyper,
                                 "optimizer": {"base_lr": setting["lr"]}, "dropout_keep_prob": 0.5}, {})


def _check_model(name: str, setting: dict, model: dict, result: comparison.Comparison) -> None:
  statistics = any("initial_value_statistics" in task for task in model["tasks"])
  # Drawing hundreds of millions of numbers that nobody looks at would take most of the time.
  with contextlib.nullcontext() if statistics else _zeros():
    built = manifest.build(_fixture_of(name, setting, model))
    known: dict[str, tf.Variable] = {}
    for visit, task in enumerate(model["tasks"]):
      _begin(built.learner, task["task"], visit, setting)
      held = {key: variable for key, variable in built.learner.variables().items()
              if not key.startswith("snapshot/") and "/selection/" not in key}
      created = {key: list(variable.shape) for key, variable in held.items() if key not in known}
      prefix = f"{name}/task{task['task']}"
      result.equal(f"{prefix}/variables", created, task["variables"])
      result.equal(f"{prefix}/actual_total_over_variables",
                   sum(variable.shape.num_elements() for variable in held.values()),
                   task["actual_total_over_variables"])
      _check_outputs(prefix, built, task, result)
      for key, expected in task.get("initial_value_statistics", {}).items():
        _check_statistics(f"{prefix}/{key}", held[key].numpy(), expected, result)
      known = held
      if visit + 1 < len(model["tasks"]):
        built.learner.end_visit()


def _begin(learner: base.Learner, task_id: int, visit: int, setting: dict) -> None:
  num_classes = setting["classes_per_task"]
  no_data = tf.zeros([0, *setting["input"]]), tf.zeros([0], tf.int32)
  info = types.TaskInfo(task_id, num_classes, tuple(str(label) for label in range(num_classes)))
  learner.begin_visit(base.TaskData(info, no_data, no_data), visit)


def _check_outputs(prefix: str, built: manifest.Built, task: dict, result: comparison.Comparison) -> None:
  spec = built.learner.context.spec
  if "layer_output_shapes" in task:
    batch = built.learner.context.batch_size
    flat = [batch, spec.num_features]
    dense = [[batch, columns] for _, columns in spec.dense_shapes(built.learner.context.num_classes[task["task"]])]
    # The release lists the flattened features twice: before and after its dropout layer.
    shapes = [[batch, *shape] for shape in spec.feature_shapes] + [flat, flat] + dense
    result.equal(f"{prefix}/layer_output_shapes", shapes, task["layer_output_shapes"])
  if "logits_shape" in task:
    images = tf.TensorSpec([task["logits_shape"][0], *spec.image_shape])
    graph = tf.function(lambda images: built.learner.logits(images, task["task"])).get_concrete_function(images)
    result.equal(f"{prefix}/logits_shape", graph.output_shapes.as_list(), task["logits_shape"])
    result.equal(f"{prefix}/num_candidate_configurations", len(built.learner.search.configurations),
                 task["num_candidate_configurations"])


def _check_statistics(name: str, values: np.ndarray, expected: dict, result: comparison.Comparison) -> None:
  """Two samples of one distribution: equal bounds, means and deviations up to six standard errors."""
  deviation, size = expected["std"], values.size
  if deviation < 1e-6:
    result.close(f"{name}/constant", values, np.full(values.shape, expected["mean"], np.float32), comparison.VALUE)
    return
  error = 6.0 * deviation / np.sqrt(size)
  result.true(f"{name}/mean {np.mean(values):.3g} {expected['mean']:.3g}",
              abs(np.mean(values) - expected["mean"]) < 1.5 * error)
  result.true(f"{name}/std {np.std(values):.3g} {deviation:.3g}", abs(np.std(values) - deviation) < error)
  if size >= 1000:
    largest, recorded = np.max(np.abs(values)), max(abs(expected["min"]), abs(expected["max"]))
    result.true(f"{name}/bound {largest:.3g} {recorded:.3g}", abs(largest / recorded - 1.0) < 0.02)


@contextlib.contextmanager
def _zeros():
  """All weights are zero while this holds."""
  zeros = lambda self, name, shape, draw=0: tf.zeros(shape)
  with mock.patch.object(initializers.Initializer, "truncated_normal", zeros), \
      mock.patch.object(initializers.Initializer, "glorot_uniform", zeros):
    yield

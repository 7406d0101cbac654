"""Single layers, pooling and the optimiser's trajectory, as recorded in `layers`."""

import numpy as np
import tensorflow as tf

from lasem_tf.nn import architecture, initializers, layers, networks, optimizers
from lasem_tf.types import ReferenceBehaviour
from tests.golden_support import comparison, manifest


def check(fixture: manifest.Fixture) -> comparison.Comparison:
  """Compares every group of the fixture; a group of an unknown kind is a failure."""
  result = comparison.Comparison()
  for group, details in fixture.manifest["groups"].items():
    arrays = fixture.under(group)
    if not arrays:
      continue  # Prose alone (dropout); tests/nn/test_weights.py covers it.
    kinds = [kind for kind in CASES if group.startswith(kind)]
    result.true(f"{group}: known kind of layer", bool(kinds))
    for kind in kinds:
      outputs = CASES[kind](arrays, details)
      for name, value in outputs.items():
        result.close(f"{group}/{name}", value, arrays[name], comparison.VALUE)
      result.used |= {f"{group}/{name}" for name in arrays if name in INPUTS or "/" in name
                      or name.startswith("prev_col")}
  result.same_names("arrays compared", result.used & set(fixture.arrays), fixture.arrays)
  return result


# Arrays that a case reads.
INPUTS = {"input", "kb", "deconv_kernel", "deconv_bias", "tensordot", "bias", "factor_h", "factor_w", "factor_in",
          "factor_out", "kernel", "shared_kernel", "shared_bias", "specific_kernel", "specific_bias", "alpha",
          "gradients", "epoch"}


def _activated(arrays, kernel, bias, padding, pool):
  outputs = tf.nn.relu(layers.convolution(tf.constant(arrays["input"]), kernel, bias, padding))
  return layers.max_pool(outputs, pool, padding)


def _deconvolution(arrays, details):
  deconvolution = manifest.find_module("lasem_tf.knowledge.deconvolution")
  base, kernel, bias, contraction = (tf.constant(arrays[name])
                                     for name in ("kb", "deconv_kernel", "deconv_bias", "tensordot"))
  stride, channels = details["deconv_stride"], contraction.shape[0]
  generated = deconvolution.grow(base, kernel, bias, contraction, stride)
  # Contracted with the identity, the kernel is the deconvolution itself.
  grown = deconvolution.grow(base, kernel, bias, tf.eye(channels)[:, tf.newaxis, :], stride)
  return {"generated_kernel": generated, "deconv_output_plus_bias": tf.transpose(grown, [2, 0, 1, 3]),
          "output": _activated(arrays, generated, arrays["bias"], details["conv_padding"].lower(), details["pool"][1])}


def _tensor_factors(arrays, details):
  factors = manifest.find_module("lasem_tf.knowledge.tensor_factors")
  matrices = [tf.constant(arrays[axis]) for axis in factors.AXES]
  kernel = factors.contract(tf.constant(arrays["kb"]), matrices)
  return {"generated_kernel": kernel, "output": _activated(arrays, kernel, arrays["bias"], "same", 2),
          "orthogonality_norm_per_factor": [factors.orthogonality(matrix) for matrix in matrices]}


def _lateral(arrays, details):
  progressive = manifest.find_module("lasem_tf.learners.progressive")
  inputs, (size, _, channels, outputs) = arrays["input"], arrays["kernel"].shape
  num_previous = details["num_previous_columns"]
  width = progressive.reduced_width(channels, details["dim_reduction_scale"], num_previous)
  assert width == details["reduced_channels"]
  spec = architecture.ConvNetSpec(inputs.shape[1:], (1, size), (channels, outputs), (1, 2), (1,))
  total = layers.convolution(tf.constant(inputs), arrays["kernel"], arrays["bias"], "same")
  laterals = []
  for column in range(num_previous):
    lateral = progressive.Lateral(f"task{num_previous}/lateral1/col{column}", spec, 1, width,
                                  initializers.Initializer(0))
    for name, variable in lateral.named_variables.items():
      variable.assign(arrays[f"col{column}/{name.rpartition('/')[2]}"])
    laterals.append(lateral)
  total += progressive.lateral_sum(laterals, [tf.constant(arrays[f"prev_col{column}"])
                                              for column in range(num_previous)], "same")
  return {"output": layers.max_pool(tf.nn.relu(total), 2, "same")}


def _mixture(arrays, details):
  differentiable = manifest.find_module("lasem_tf.selection.differentiable")
  selection = differentiable.Differentiable()
  selection.bind(1, ReferenceBehaviour())
  search = selection.begin_search(0, 1)
  (alpha,) = search.named_variables().values()
  alpha.assign(arrays["alpha"])
  inputs, kernel = arrays["input"], arrays["shared_kernel"]
  spec = architecture.ConvNetSpec(inputs.shape[1:], (kernel.shape[0],), (kernel.shape[3],), (2,), (1,))
  routes = networks.LayerWeights(shared=(kernel, arrays["shared_bias"]),
                                 own=(arrays["specific_kernel"], arrays["specific_bias"]))
  features = differentiable.mixture.mixed_features(spec, [routes], tf.constant(inputs), search.shares())
  return {"output": tf.reshape(features, [-1, *spec.feature_shapes[0]])}


def _max_pool(arrays, details):
  lengths = list(zip(arrays["input"].shape[1:3], arrays["output"].shape[1:3]))
  size = next(size for size in range(1, 9) if all(-(-length // size) == pooled for length, pooled in lengths))
  return {"output": layers.max_pool(tf.constant(arrays["input"]), size, "same")}


def _rmsprop(arrays, details):
  weights, mean_squares = [arrays["weights"][0]], [np.ones_like(arrays["weights"][0])]
  variable = tf.Variable(arrays["weights"][0])
  optimizer = optimizers.RMSProp({"w": variable})
  for gradient, epoch in zip(arrays["gradients"], arrays["epoch"]):
    rate = details["base_lr"] / (1.0 + float(epoch) * details["lr_decay"])
    optimizer.apply({"w": tf.constant(gradient)}, tf.constant(rate))
    weights.append(variable.numpy())
    mean_squares.append(optimizer.slots["rms/w"].numpy())
  return {"weights": weights, "mean_square": mean_squares}


CASES = {"dfcnn_layer": _deconvolution, "tf_layer": _tensor_factors, "prognn_lateral": _lateral,
         "darts_layer": _mixture, "maxpool_same": _max_pool, "rmsprop": _rmsprop}

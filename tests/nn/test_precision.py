"""Mixed precision: what runs in bfloat16 and what does not, who may use it, and the word about slow processors."""

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import progressive, single_network
from lasem_tf.nn import networks, precision, prefix_tree, pruned_tree
from lasem_tf.selection import bounded_batch, differentiable, expectation, static
from tests.nn.test_prefix_tree import _routes, PLAIN
from tests.selection import pairs
from tests.support import tiny_stream

MIXED = dataclasses.replace(pairs.SPEC, precision="mixed_bfloat16")


def _features(spec, shared, own, images):
  weights = [networks.LayerWeights(s.kernel_and_bias(), o.kernel_and_bias()) for s, o in zip(shared, own)]
  return prefix_tree.all_configuration_features(spec, weights, images, (1,) * spec.depth)


def test_convolutions_run_in_bfloat16_and_the_rest_in_float32():
  spec = dataclasses.replace(PLAIN, precision="mixed_bfloat16")
  shared, own = _routes(spec, "shared"), _routes(spec, "task0")
  variables = [variable for route in shared + own for variable in route.named_variables.values()]

  @tf.function(autograph=False)
  def gradients(images):
    with tf.GradientTape() as tape:
      features = _features(spec, shared, own, images)
      loss = tf.reduce_sum(features * features)
    return features, tape.gradient(loss, variables)

  images = tf.random.stateless_normal([3, *spec.image_shape], [0, 1])
  features, found = gradients(images)
  assert features.dtype == tf.float32 and all(gradient.dtype == tf.float32 for gradient in found)
  operations = gradients.get_concrete_function(images).graph.get_operations()
  for kind in ("Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput", "MaxPool", "Relu"):
    types = {operation.outputs[0].dtype for operation in operations if operation.type == kind}
    assert types == {tf.bfloat16}, kind
  exact = _features(PLAIN, shared, own, images)
  assert 1e-5 < np.abs(features - exact).max() / np.abs(exact).max() < 2e-2


def test_an_image_computes_the_same_in_any_company():
  """Within the margin that bounds of the posterior mass allow for rounding."""
  spec = dataclasses.replace(PLAIN, precision="mixed_bfloat16")
  shared, own = _routes(spec, "shared"), _routes(spec, "task0")
  random = np.random.default_rng(0)
  images = tf.constant(random.normal(size=(10, *spec.image_shape)), tf.float32)
  # Logits as large as a trained network's.
  head = tf.constant(random.normal(size=(spec.num_features, 10)) / spec.num_features, tf.float32)
  labels = tf.constant(random.integers(0, 10, 10), tf.int32)

  def losses(features, count):
    logits = tf.matmul(features, head)
    return tf.reshape(tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.tile(labels[:count], [len(logits) // count]), logits), [-1, count]).numpy()

  whole = losses(_features(spec, shared, own, images), 10)
  assert whole.sum(axis=1).min() > 5
  weights = [networks.LayerWeights(s.kernel_and_bias(), o.kernel_and_bias()) for s, o in zip(shared, own)]
  two = losses(_features(spec, shared, own, images[:2]), 2)
  margin = bounded_batch.MARGINS["mixed_bfloat16"]
  assert np.abs(two - whole[:, :2]).sum(axis=1).max() < margin
  wanted = tf.constant([index in (2, 5) for index in range(8)])
  some = losses(pruned_tree.PrunedTree(spec, (1, 1, 1), wanted).features(weights, images), 10)
  assert np.abs(some.sum(axis=1) - whole[[2, 5]].sum(axis=1)).max() < margin
  alone = losses(networks.convolutional_features(
      spec, [layer.choose(tf.constant(bit)) for layer, bit in zip(weights, (True, False, True))], images), 10)
  assert abs(alone.sum() - whole[2].sum()) < margin


SELECTIONS = {
    "static": lambda: static.Static("01"), "lasem": expectation.Expectation, "darts": differentiable.Differentiable,
    "bounded": lambda: expectation.Expectation(dropped_mass=1e-2, audit_every=1)}


@pytest.mark.parametrize("selection, knowledge", [
    ("static", "hard_sharing"), ("darts", "hard_sharing"), ("lasem", "deconvolution"), ("bounded", "hard_sharing"),
    ("bounded", "tensor_factors")])
def test_learners_learn_in_mixed_precision(selection, knowledge):
  stream, learner = pairs.make(knowledge, SELECTIONS[selection](), spec=MIXED, epochs_per_task=60)
  results, _ = tiny_stream.run_visit(learner, stream.tasks[0], 0, learning_rate=0.05)
  assert float(results[-1].loss) < 0.3 * float(results[0].loss)
  assert all(variable.dtype == tf.float32 for variable in learner.variables().values())
  exact = pairs.make(knowledge, SELECTIONS[selection](), stream)[1]
  first, _ = tiny_stream.run_visit(exact, stream.tasks[0], 0)
  assert 0 < abs(float(first[0].loss) - float(results[0].loss)) < 0.05 * float(first[0].loss)


def test_a_single_network_follows_and_others_refuse():
  stream = tiny_stream.TinyStream()
  single_network.SingleNetwork(stream.context(MIXED))
  with pytest.raises(ValueError, match="ProgressiveNetwork computes in float32 only: remove the binding "
                                       "ConvNetSpec.precision = 'mixed_bfloat16'"):
    progressive.ProgressiveNetwork(stream.context(MIXED))
  with pytest.raises(ValueError, match="ConvNetSpec.precision must be 'float32' or 'mixed_bfloat16', not 'bfloat16'"):
    dataclasses.replace(MIXED, precision="bfloat16")


@pytest.mark.parametrize("cpuinfo, able", [
    ("processor : 0\nflags\t\t: fpu avx512f avx512_bf16\n", True), ("flags : fpu amx_tile amx_bf16", True),
    ("Features : fp asimd bf16", True), ("flags : fpu avx2 avx512f", False), ("", False)])
def test_units_for_bfloat16(cpuinfo, able):
  assert precision.multiplies_bfloat16(cpuinfo) == able


def test_a_slow_processor_is_named_once(monkeypatch, tmp_path, caplog):
  path = tmp_path / "cpuinfo"
  path.write_text("flags : fpu avx2\n")
  monkeypatch.setattr(precision, "_CPUINFO", path)
  monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
  precision.warn_where_slower.cache_clear()
  with caplog.at_level(logging.WARNING):
    for _ in range(2):
      single_network.SingleNetwork(tiny_stream.TinyStream().context(MIXED))
  precision.warn_where_slower.cache_clear()
  assert [record.message for record in caplog.records if "no unit for bfloat16" in record.message] == [
      "ConvNetSpec.precision = 'mixed_bfloat16': this processor has no unit for bfloat16, so training will be slower "
      "than with 'float32'."]

"""Batch normalisation against its definition; statistics, blocks of a prefix tree, mini-batches of several tasks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import architecture, initializers, networks, normalisation, prefix_tree, weights
from lasem_tf.selection import configuration

_SPEC = architecture.ConvNetSpec((6, 5, 2), (3, 3, 3), (3, 4, 4), (1, 2, 1), (5,), skips=((2, 2),),
                                 normalisation="batch")


def _normalisation(task_id=0, spec=_SPEC):
  """With values that differ from channel to channel."""
  made = normalisation.TaskNormalisation(task_id, spec)
  random = np.random.default_rng(task_id)
  for group in made.groups:
    for variable in group.named_variables.values():
      variable.assign(random.uniform(0.5, 1.5, variable.shape))
  return made


def _outputs(blocks=1, copies=1, seed=0):
  size = (4 * blocks, 6, 5, 3 * copies)
  return 2.0 + 3.0 * np.random.default_rng(seed).normal(size=size).astype(np.float32)


def _expected(made, layer, outputs, mean, variance):
  scale, shift = (made.affine[layer][name].numpy() for name in ("scale", "shift"))
  return scale * (outputs - mean) / np.sqrt(variance + normalisation.EPSILON) + shift


def test_by_batch_takes_every_block_for_itself_and_both_routes_side_by_side():
  made, outputs = _normalisation(), _outputs(blocks=3, copies=2)
  found = made.by_batch(tf.zeros([4, 6, 5, 2]))(0, tf.constant(outputs)).numpy()
  for block in range(3):
    for route in range(2):
      part = np.s_[4 * block:4 * block + 4, :, :, 3 * route:3 * route + 3]
      mean, variance = outputs[part].mean((0, 1, 2)), outputs[part].var((0, 1, 2))
      np.testing.assert_allclose(found[part], _expected(made, 0, outputs[part], mean, variance), atol=1e-5)


def test_by_statistics_an_answer_does_not_depend_on_the_rest_of_the_batch():
  made, outputs = _normalisation(), _outputs()
  normalise = made.by_statistics()
  together = normalise(0, tf.constant(outputs)).numpy()
  statistics = (made.statistics[0][name].numpy() for name in ("mean", "variance"))
  np.testing.assert_allclose(together, _expected(made, 0, outputs, *statistics), atol=1e-5)
  for row in range(4):
    np.testing.assert_array_equal(normalise(0, tf.constant(outputs[row:row + 1]))[0], together[row])


def test_in_a_batch_of_two_tasks_every_row_is_normalised_as_its_tasks(float64):
  made = {task_id: _normalisation(task_id) for task_id in (2, 5)}
  outputs, task_ids = tf.constant(_outputs(), tf.float64), tf.constant([5, 2, 5, 2])
  found = normalisation.by_tasks(made, task_ids, training=[5])(0, outputs)
  current, stored = tf.gather(outputs, [0, 2]), tf.gather(outputs, [1, 3])
  np.testing.assert_allclose(tf.gather(found, [0, 2]), made[5].by_batch(current)(0, current), atol=1e-12)
  np.testing.assert_allclose(tf.gather(found, [1, 3]), made[2].by_statistics()(0, stored), atol=1e-12)


@pytest.mark.parametrize("spec, dtype", [(_SPEC, np.float32),
                                         (dataclasses.replace(_SPEC, precision="mixed_bfloat16"), np.float32)])
def test_measured_statistics_are_those_of_the_images_and_in_float32(spec, dtype, monkeypatch):
  made = normalisation.TaskNormalisation(0, spec)
  images = tf.constant(np.random.default_rng(1).normal(size=(40, 6, 5, 2)), dtype)
  kernel = weights.plain_convolution("task0/conv0", spec, 0, initializers.Initializer(0))["kernel"]

  def forward(part, normalise):
    seen.append(len(part))
    outputs = tf.nn.conv2d(tf.cast(part, tf.bfloat16) if spec.precision != "float32" else part,
                           tf.cast(kernel, tf.bfloat16) if spec.precision != "float32" else kernel, 1, "SAME")
    normalised = normalise(0, outputs)
    assert normalised.dtype == outputs.dtype
    normalise(1, tf.zeros([len(part), 6, 5, 4]))
    normalise(2, tf.ones([len(part), 3, 3, 4]))

  outputs = tf.nn.conv2d(images, kernel, 1, "SAME").numpy()
  tolerance = 1e-5 if spec.precision == "float32" else 1e-2
  for most, chunk, calls in ((1024, 256, [40]), (1024, 16, [14, 13, 13]), (20, 16, [10, 10])):
    seen = []
    monkeypatch.setattr(normalisation, "_CHUNK_IMAGES", chunk)
    monkeypatch.setattr(normalisation, "MOST_IMAGES", most)
    made.measure(forward, images)
    measured = outputs[::2] if most == 20 else outputs
    assert seen == calls and {v.dtype for g in made.groups for v in g.named_variables.values()} == {tf.float32}
    np.testing.assert_allclose(made.statistics[0]["mean"], measured.mean((0, 1, 2)), atol=tolerance)
    np.testing.assert_allclose(made.statistics[0]["variance"], measured.var((0, 1, 2)), atol=tolerance)
  np.testing.assert_array_equal(made.statistics[2]["mean"], np.ones(4))
  np.testing.assert_array_equal(made.statistics[2]["variance"], np.zeros(4))


@pytest.mark.parametrize("groups", [(1, 1, 1), (2, 1), (1, 2)])
def test_a_prefix_tree_is_separate_networks_forward_and_backward(float64, groups):
  made = _normalisation()
  shared, own = ([weights.plain_convolution(f"{prefix}/conv{layer}", _SPEC, layer, initializers.Initializer(3))
                  for layer in range(3)] for prefix in ("shared", "task0"))
  images = tf.constant(np.random.default_rng(0).normal(size=(4, *_SPEC.image_shape)))
  configurations = configuration.enumerate_configurations(groups)
  variables = [variable for group in (*shared, *own, *made.affine) for variable in group.named_variables.values()]
  coefficients = np.random.default_rng(1).normal(size=(len(configurations) * 4, _SPEC.num_features))
  normalise, found = made.by_batch(images), []
  for separate in (False, True):
    with tf.GradientTape() as tape:
      pairs = [networks.LayerWeights(s.kernel_and_bias(), o.kernel_and_bias()) for s, o in zip(shared, own)]
      features = tf.concat([networks.convolutional_features(
          _SPEC, [layer.choose(bit) for layer, bit in zip(pairs, c.bits)], images, normalise=normalise)
          for c in configurations], axis=0) if separate else prefix_tree.all_configuration_features(
              _SPEC, pairs, images, groups, normalise=normalise)
      loss = tf.reduce_sum(coefficients * features)
    found.append([features, *tape.gradient(loss, variables)])
  for ours, expected in zip(*found):
    np.testing.assert_allclose(ours, expected, atol=1e-9 * max(1.0, np.abs(expected).max()))


def test_normalised_convolutions_have_no_bias_and_are_counted():
  plain = dataclasses.replace(_SPEC, normalisation="none")
  group = weights.plain_convolution("task0/conv1", _SPEC, 1, initializers.Initializer(0))
  assert list(group.named_variables) == ["task0/conv1/kernel"] and group.kernel_and_bias()[1] is None
  counted = sum(made.num_parameters for made in (group, *_normalisation().groups[1::3]))
  assert _SPEC.convolution_parameters(1) == counted == plain.convolution_parameters(1) + 3 * 4
  assert normalisation.TaskNormalisation(0, plain).groups == []


def test_unknown_normalisations_and_networks_without_statistics_are_refused():
  with pytest.raises(ValueError, match=r"ConvNetSpec.normalisation must be one of .* not 'layer'"):
    dataclasses.replace(_SPEC, normalisation="layer")
  routes = [weights.plain_convolution(f"task0/conv{layer}", _SPEC, layer, initializers.Initializer(0))
            for layer in range(3)]
  head = weights.DenseHead("task0/head", _SPEC.dense_shapes(2), 1.0, initializers.Initializer(0))
  with pytest.raises(ValueError, match="needs a TaskNormalisation"):
    networks.RoutedNetwork(_SPEC, [None] * 3, routes, head)

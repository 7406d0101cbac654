"""ProgNN as published: its adapters by hand, its counts, and that every layer reads earlier columns."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import progressive_published
from tests.learners import growing_support, lives
from tests.support import tiny_stream


@pytest.fixture(name="life", scope="module")
def _life():
  stream = tiny_stream.TinyStream()
  learner = progressive_published.PublishedProgressiveNetwork(stream.context(epochs_per_task=20))
  return learner, stream, lives.live(learner, stream)


def test_published_prognn_acts(life):
  learner, stream, summaries = life
  assert lives.flags(summaries) == [False, True, True]
  assert min(lives.accuracies(learner, stream)) > 0.8


def _by_hand(weights, prefix, stream_spec, images, earlier):
  """Eq. 2 in numpy but for the convolutions; returns logits and what each layer reads."""
  read, hidden = [], images
  for layer in range(2):
    read.append(hidden)
    group = lambda name, layer=layer: weights[f"{prefix}/{name}"]
    outputs = tf.nn.conv2d(hidden, group(f"conv{layer}/kernel"), 1, "SAME") + group(f"conv{layer}/bias")
    if earlier and layer:
      adapter = f"adapter/conv{layer}"
      joined = np.concatenate([group(f"{adapter}/alpha")[j] * column[layer] for j, column in enumerate(earlier)], -1)
      projected = np.maximum(joined @ group(f"{adapter}/project_kernel")[0, 0] + group(f"{adapter}/project_bias"), 0)
      outputs += tf.nn.conv2d(projected, group(f"{adapter}/kernel"), 1, "SAME")
    hidden = tf.nn.max_pool2d(tf.nn.relu(outputs), 2, 2, "SAME").numpy()
  hidden = hidden.reshape(len(images), -1)
  for i in range(2):
    read.append(hidden)
    group = lambda name: weights[f"{prefix}/{name}"]
    outputs = hidden @ group(f"head/dense{i}/kernel") + group(f"head/dense{i}/bias")
    if earlier:
      adapter = f"adapter/dense{i}"
      joined = np.concatenate([group(f"{adapter}/alpha")[j] * column[2 + i] for j, column in enumerate(earlier)], -1)
      outputs += np.maximum(joined @ group(f"{adapter}/project_kernel") + group(f"{adapter}/project_bias"), 0) @ group(
          f"{adapter}/kernel")
    hidden = np.maximum(outputs, 0) if i == 0 else outputs
  return hidden, read


def test_logits_are_those_of_the_equation(life):
  learner, stream, _ = life
  weights, images = tiny_stream.values(learner.variables()), stream.tasks[2].validation[0].numpy()
  earlier = []
  for task_id in range(3):
    logits, read = _by_hand(weights, f"task{task_id}", learner.context.spec, images, earlier)
    np.testing.assert_allclose(learner.logits(images, task_id), logits, rtol=1e-4, atol=1e-4)
    earlier.append(read)


def test_every_layer_but_the_first_reads_all_earlier_columns(life):
  learner, stream, _ = life
  names = {name.split("/")[2] for name in learner.variables() if name.startswith("task2/adapter/")}
  assert names == {"conv1", "dense0", "dense1"}
  images = stream.tasks[2].validation[0]
  before = learner.logits(images, 2).numpy()
  for name in names:
    alpha = learner.variables()[f"task2/adapter/{name}/alpha"]
    kept = alpha.numpy()
    for column in range(2):
      alpha.assign(kept + 5.0 * np.eye(2)[column])
      assert np.abs(learner.logits(images, 2) - before).max() > 1e-4, (name, column)
    alpha.assign(kept)


def test_counts_and_costs_of_cifar100():
  learner = progressive_published.PublishedProgressiveNetwork(growing_support.context_of_stream("cifar100"))
  sizes, macs = [0], []
  for task_id in range(3):
    learner.begin_visit(growing_support.make_task(learner, task_id, 10), task_id)
    sizes.append(learner.num_parameters())
    macs.append(learner.forward_macs(task_id))
  base, (channels, features, hidden, classes) = 328426, ((3, 32, 32, 64, 64), 4096, 64, 10)
  for position, found in enumerate(np.diff(sizes)):
    expected = base
    for size_in, size_out in list(zip(channels, channels[1:]))[1:] if position else ():
      expected += position + position * size_in * size_in + size_in + 9 * size_in * size_out
    for size_in, width, size_out in ((features, hidden, hidden), (hidden, hidden, classes)) if position else ():
      expected += position + position * size_in * width + width + width * size_out
    assert found == expected
  assert 0 < macs[0] < macs[1] < macs[2]


def test_planned_costs_are_those_of_what_is_built():
  def make():
    return progressive_published.PublishedProgressiveNetwork(growing_support.context_of_stream("cifar100"))

  built, planned = make(), make()
  for task_id in range(2):
    built.begin_visit(growing_support.make_task(built, task_id, 10), task_id)
  assert built.forward_macs(1) == planned.forward_macs(1)
  assert built.training_macs_per_image(1) == planned.training_macs_per_image(1)

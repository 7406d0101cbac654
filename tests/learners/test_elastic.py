import keras
import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import elastic, fisher, trunk
from lasem_tf.nn import architecture
from tests.support import tiny_stream


@pytest.fixture
def float64():
  keras.config.set_floatx("float64")
  keras.config.set_dtype_policy("float64")
  yield
  keras.config.set_floatx("float32")
  keras.config.set_dtype_policy("float32")


def named(*values):
  return {f"weight{i}": tf.constant(value, tf.float64) for i, value in enumerate(values)}


def test_penalty_and_its_gradient():
  weights = named(np.array([0.1, -0.2]))
  anchor = named(np.zeros(2))
  with tf.GradientTape() as tape:
    tape.watch(weights)
    penalty = 10.0 * elastic.quadratic_penalty(weights, anchor, named(np.array([2.0, 0.5])))
  np.testing.assert_allclose(penalty, 0.2, rtol=1e-12)
  np.testing.assert_allclose(tape.gradient(penalty, weights)["weight0"], [2.0, -1.0], rtol=1e-12)


def test_online_merge():
  merged = elastic.merge_importance(named(np.array([2.0, 0.5])), named(np.array([1.0, 1.0])), 0.9)
  np.testing.assert_allclose(merged["weight0"], [2.8, 1.45], rtol=1e-12)


@pytest.mark.parametrize("form, gamma, expected", [
    ("separate", 1.0, 20.0), ("online", 1.0, 15.0), ("online", 0.5, 10.0)])
def test_two_anchors_against_one(form, gamma, expected):
  theta = named(np.array([1.0, 1.0]))
  anchors = [named(np.array([0.0, 0.0])), named(np.array([1.0, 0.0]))]
  importances = [named(np.array([1.0, 2.0])), named(np.array([3.0, 1.0]))]
  if form == "separate":
    penalty = sum(elastic.quadratic_penalty(theta, *pair) for pair in zip(anchors, importances))
  else:
    penalty = elastic.quadratic_penalty(theta, anchors[-1], elastic.merge_importance(*importances, gamma))
  np.testing.assert_allclose(10.0 * penalty, expected, rtol=1e-12)


@pytest.mark.parametrize("kind, label, expected", [
    ("true", 0, [[0.1875, 0.1875], [0.75, 0.75]]), ("empirical", 0, [[0.0625, 0.0625], [0.25, 0.25]]),
    ("empirical", 1, [[0.5625, 0.5625], [2.25, 2.25]])])
def test_fisher_of_a_linear_softmax(kind, label, expected):
  logits = tf.constant([[np.log(3.0), 0.0]], tf.float64)
  gradients = fisher.output_gradients(logits, tf.constant([label]), kind, tf.constant([0, 0]))
  inputs = tf.constant([[1.0, 2.0]], tf.float64)
  information = sum(fisher.layer_sums(inputs, gradient)[0] for gradient in gradients)
  np.testing.assert_allclose(information, expected, rtol=1e-12)


@pytest.mark.parametrize("kind", fisher.KINDS)
@pytest.mark.parametrize("padding, skips", [("same", ()), ("valid", ()), ("same", ((1, 1),))])
def test_fisher_equals_one_backward_pass_per_example(float64, kind, padding, skips):
  spec = architecture.ConvNetSpec((9, 8, 3), (4, 2), (5, 5), (2, 1), (6, 4), padding=padding, skips=skips)
  learner = elastic.ElasticWeightConsolidation(tiny_stream.TinyStream().context(spec=spec), strength=1.0)
  learner._create_head(0)
  model, head = learner.trunk, learner.heads[0]
  images = tf.random.stateless_normal([5, 9, 8, 3], [1, 2], dtype=tf.float64)
  labels = tf.constant([0, 1, 2, 1, 0])
  actual = fisher.fisher_information(model, head, images, labels, kind, (3, 4), chunk_size=2)

  expected = {name: 0.0 for name in model.named_variables}
  for start in range(0, 5, 2):
    logits = head(model(images[start:start + 2]))
    seed = tf.random.experimental.stateless_fold_in((3, 4), start)
    drawn = tf.random.stateless_categorical(logits, 1, seed)[:, 0]
    for offset, example_logits in enumerate(logits):
      example = start + offset
      probabilities = tf.nn.softmax(example_logits)
      cases = {"true": [(c, probabilities[c]) for c in range(3)], "sampled": [(drawn[offset], 1.0)],
               "empirical": [(labels[example], 1.0)]}[kind]
      for label, weight in cases:
        with tf.GradientTape() as tape:
          log_probability = tf.nn.log_softmax(head(model(images[example:example + 1])))[0, label]
        for name, gradient in zip(expected, tape.gradient(log_probability, list(model.named_variables.values()))):
          expected[name] += weight * gradient ** 2 / 5
  for name, value in expected.items():
    np.testing.assert_allclose(actual[name], value, rtol=1e-10, atol=1e-14, err_msg=name)


def run_two_tasks(cls, **options):
  stream = tiny_stream.TinyStream()
  learner = cls(stream.context(), **options)
  for visit, task in enumerate(stream.tasks[:2]):
    tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3)
  return learner


def test_without_strength_it_is_fine_tuning_bit_for_bit():
  plain = tiny_stream.values(run_two_tasks(trunk.TrunkLearner).variables())
  elastic_values = tiny_stream.values(run_two_tasks(elastic.ElasticWeightConsolidation, strength=0.0).variables())
  tiny_stream.assert_same(plain, {name: elastic_values[name] for name in plain})


@pytest.mark.parametrize("form", elastic.FORMS)
def test_a_strong_penalty_holds_the_trunk(form):
  stream = tiny_stream.TinyStream()
  distances = {}
  for strength in (0.0, 10.0):
    learner = elastic.ElasticWeightConsolidation(stream.context(), strength=strength, form=form,
                                                 fisher_kind="empirical")
    tiny_stream.run_visit(learner, stream.tasks[0], 0)
    # Few steps leave a tiny Fisher information; ones in its place make the penalty plain weight decay to the anchor.
    for name, variable in learner.variables().items():
      if name.startswith("fisher/"):
        variable.assign(tf.ones_like(variable))
    before = tiny_stream.values(learner.trunk.named_variables)
    tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=10)
    distances[strength] = sum(np.sum((learner.trunk.named_variables[name].numpy() - value) ** 2)
                              for name, value in before.items())
  assert distances[10.0] < 0.3 * distances[0.0]


def test_what_is_retained():
  online = run_two_tasks(elastic.ElasticWeightConsolidation, strength=1.0)
  separate = run_two_tasks(elastic.ElasticWeightConsolidation, strength=1.0, form="separate")
  assert {name.split("/shared")[0] for name in online.variables()} >= {"fisher/all", "anchor/all"}
  assert {name.split("/shared")[0] for name in separate.variables()} >= {"fisher/task0", "fisher/task1", "anchor/task1"}
  assert separate.structure()["consolidated"] == ["task0", "task1"]
  for name, variable in online.trunk.named_variables.items():
    np.testing.assert_array_equal(online.variables()[f"anchor/all/{name}"], variable)
    by_task = [separate.variables()[f"fisher/task{task_id}/{name}"] for task_id in range(2)]
    np.testing.assert_allclose(online.variables()[f"fisher/all/{name}"], by_task[0] + by_task[1], rtol=0.5, atol=1e-2)


def test_bad_options_are_refused():
  context = tiny_stream.TinyStream().context()
  with pytest.raises(ValueError, match="ElasticWeightConsolidation.form must be one of"):
    elastic.ElasticWeightConsolidation(context, strength=1.0, form="running")
  with pytest.raises(ValueError, match="strength must not be negative"):
    elastic.ElasticWeightConsolidation(context, strength=-1.0)

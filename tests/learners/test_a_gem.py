import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import a_gem, trunk
from lasem_tf.nn import architecture
from tests.support import tiny_stream


def tensors(*values):
  return [tf.constant(value, tf.float64) for value in values]


@pytest.mark.parametrize("gradient, reference, expected, violated", [
    ([1.0, -2.0], [1.0, 1.0], [1.5, -1.5], True), ([1.0, 0.0], [1.0, 1.0], [1.0, 0.0], False),
    ([-3.0, 1.0], [2.0, 0.0], [0.0, 1.0], True), ([1.0, 1.0], [0.0, 0.0], [1.0, 1.0], False)])
def test_projection(gradient, reference, expected, violated):
  projected, ran_against = a_gem.project(tensors(gradient), tensors(reference))
  np.testing.assert_allclose(projected[0], expected, atol=1e-12)
  assert bool(ran_against) is violated
  # The tensors are one vector, however it is cut.
  pieces, _ = a_gem.project(tensors(*gradient), tensors(*reference))
  np.testing.assert_allclose(pieces, expected, atol=1e-12)


def begun(**options):
  stream = tiny_stream.TinyStream(num_classes=(3, 4, 2))
  learner = a_gem.AveragedGradientEpisodicMemory(stream.context(), **options)
  for visit, task in enumerate(stream.tasks[:2]):
    tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3)
  learner.begin_visit(stream.tasks[2], 2)
  return stream, learner


def memory_loss(learner):
  stored = learner._rehearsed
  hidden = learner.trunk(stored.images)
  return float(tf.reduce_mean(learner._losses_by_own_head(hidden, stored.labels, stored.task_ids)))


def test_gradient_descent_does_not_raise_the_memory_loss():
  stream = tiny_stream.TinyStream(num_classes=(3, 3))
  spec = architecture.ConvNetSpec((8, 8, 3), (3, 3), (4, 6), (2, 2), (8,), dropout_keep_probability=1.0)
  learner = a_gem.AveragedGradientEpisodicMemory(stream.context(spec=spec, learning_rate=0.05), optimizer="sgd")
  tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=20, learning_rate=0.05)
  learner.begin_visit(stream.tasks[1], 1)
  phase = learner.next_phase(0)
  assert set(phase.state) == {"statistics/steps", "statistics/violations"}
  violations = 0
  for number in range(12):
    before = memory_loss(learner)
    step_size = 1e-3
    result = phase.step(tiny_stream.batch_of(stream.tasks[1], [number, (number + 5) % 12]),
                        tiny_stream.step_context(learner, number, step_size))
    np.testing.assert_allclose(result.metrics["memory_loss"], before, rtol=1e-5)
    assert memory_loss(learner) <= before + 10 * step_size ** 2
    violations += int(result.metrics["violated"])
  assert violations > 0
  assert learner.end_visit().details["violated_fraction"] == violations / 12


def test_projected_gradient_is_orthogonal_to_the_reference():
  generator = np.random.default_rng(0)
  for _ in range(20):
    gradients, references = (tensors(*generator.normal(size=(3, 4))) for _ in range(2))
    projected, violated = a_gem.project(gradients, references)
    dot = sum(float(tf.reduce_sum(p * r)) for p, r in zip(projected, references))
    assert dot == pytest.approx(0.0, abs=1e-12) if violated else dot >= 0.0


def test_trained_variables_are_trunk_and_all_heads():
  _, learner = begun()
  phase = learner.next_phase(0)
  assert {name.split("/")[0] for name in phase.trained} == {"shared", "task0", "task1", "task2"}
  assert {"statistics/steps", "statistics/violations"} <= set(phase.state)


@pytest.mark.parametrize("options", [{"budget": 0}, {"budget": 0, "policy": "reservoir"}])
def test_without_memory_it_is_fine_tuning_bit_for_bit(options):
  stream = tiny_stream.TinyStream()
  plain = trunk.TrunkLearner(stream.context())
  learner = a_gem.AveragedGradientEpisodicMemory(stream.context(), **options)
  for each in (plain, learner):
    for visit, task in enumerate(stream.tasks[:2]):
      _, summary = tiny_stream.run_visit(each, task, visit, steps_per_epoch=2)
  assert summary.details["violated_fraction"] is None
  found = tiny_stream.values(learner.variables())
  tiny_stream.assert_same(tiny_stream.values(plain.variables()), {name: found[name] for name in plain.variables()})


def test_reference_batch_is_drawn_from_memory():
  _, learner = begun(budget=9, memory_batch=5)
  learner.next_phase(0)
  assert learner._draw(tf.constant([1, 1])).labels.shape == [5]


def test_unknown_optimizer_is_refused():
  with pytest.raises(ValueError, match="optimizer must be one of"):
    a_gem.AveragedGradientEpisodicMemory(tiny_stream.TinyStream().context(), optimizer="adam")

"""A learner in a bounded search, and what leads its steps to each of their forms."""

import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.nn import architecture
from lasem_tf.selection import expectation
from tests.selection import pairs
from tests.support import tiny_stream

SPEC = architecture.ConvNetSpec((8, 8, 3), (3, 3), (4, 6), (2, 2), (8,), dropout_keep_probability=0.5)
ALLOWED = 1e-2
LEADER = 2
# Evidence of the leader beside one of every other, and its loss on the batch before, that lead to each form.
FORMS = {"alone": (1e9, 0.0), "sparse": (1e9, 1e30), "exact": (1.0, 1e30)}


def learner_in(knowledge="hard_sharing", form=None, **options):
  """A learner in its first search; its prior leads to a form."""
  spec = options.pop("spec", SPEC)
  stream, learner = pairs.make(knowledge, expectation.Expectation(**{"dropped_mass": ALLOWED, **options}), spec=spec)
  learner.begin_visit(stream.tasks[0], 0)
  if form:
    steer(learner, form)
  return learner


def steer(learner, form):
  """Sets what decides the form of the next step."""
  evidence, leader_loss = FORMS[form]
  variables = learner.search.named_variables()
  variables["task0/selection/evidence"].assign(
      [evidence if index == LEADER else 1.0 for index in range(len(learner.search.configurations))])
  if "task0/selection/leader_loss" in variables:
    variables["task0/selection/leader_loss"].assign(leader_loss)


def batch_of(learner, number=0):
  """Four images, mild ones, so that no softmax saturates."""
  batch = tiny_stream.batch_of(learner.task, [(number + index) % 12 for index in range(4)])
  return batch._replace(images=0.1 * batch.images)


def steps_of(learner):
  """Steps taken in each form."""
  return dict(zip(("alone", "sparse", "exact"), learner.search.named_variables()["task0/selection/steps"].numpy()))


def traced(learner):
  """The step as the trainer compiles it, and its trace count."""
  phase = learner.next_phase(0)
  dtype = learner.task.train[0].dtype

  @tf.function(autograph=False, input_signature=[
      tf.TensorSpec([4, 8, 8, 3], dtype), tf.TensorSpec([4], tf.int32), tf.TensorSpec([], dtype),
      tf.TensorSpec([2], tf.int32)])
  def step(images, labels, rate, seed):
    result = phase.step(base.Batch(images, labels, labels), base.StepContext(rate, seed))
    return {"loss": result.loss, **result.metrics}

  def take(number):
    batch, context = batch_of(learner, number), tiny_stream.step_context(learner, number)
    return {name: float(value) for name, value in step(
        batch.images, batch.labels, context.learning_rate, context.seed).items()}

  return phase, step, take

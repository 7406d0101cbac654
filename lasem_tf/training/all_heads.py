"""Accuracy without knowledge of the task: the largest logit over the heads of all tasks learned so far."""

from collections.abc import Hashable

import numpy as np
import tensorflow as tf

from lasem_tf import types
from lasem_tf.learners import base
from lasem_tf.training import evaluation


def row(evaluator: evaluation.Evaluator, learner: base.Learner,
        tasks: tuple[types.TaskInfo, ...]) -> list[float | None]:
  """Test accuracy of every task in the class-incremental scenario.

  An answer is right if its output stands for the image's class: outputs of two heads do for the same class where the
  stream gives them one class id. Images are prepared as their own task's are; only the choice of the head is left open.

  Args:
    evaluator: gives the images; its compiled functions are left alone.
    learner: whose heads answer.
    tasks: of the stream.

  Returns:
    Accuracy by task; None for tasks not begun yet.

  Raises:
    EvaluationInterrupted: a stop was asked for.
  """
  learned = learner.learned_tasks
  signature = (tf.TensorSpec([None, *learner.context.spec.image_shape], evaluator.images_type),)

  def answer(images):
    return tf.argmax(tf.concat([learner.logits(images, task_id) for task_id in learned], axis=1), axis=1)

  # The heads differ from visit to visit, so nothing is kept.
  compiled = tf.function(answer, autograph=False, jit_compile=False, input_signature=signature).get_concrete_function()
  numbers: dict[Hashable, int] = {}
  of_outputs = {task_id: np.array([numbers.setdefault(_class_of(tasks[task_id], label), len(numbers))
                                   for label in range(tasks[task_id].num_classes)]) for task_id in learned}
  outputs = np.concatenate([of_outputs[task_id] for task_id in learned])
  accuracies: list[float | None] = [None] * len(tasks)
  for task_id in learned:
    right = [outputs[compiled(images).numpy()[:len(labels)]] == of_outputs[task_id][labels.numpy()]
             for images, labels in evaluator.batches(task_id, "test")]
    accuracies[task_id] = float(np.concatenate(right).mean())
  return accuracies


def _class_of(task: types.TaskInfo, label: int) -> Hashable:
  return task.class_ids[label] if task.class_ids else (task.task_id, label)

"""Short lives with compiled steps, for tests that a learner's mechanism acts."""

import tensorflow as tf

from tests.support import contract, tiny_stream


def live(learner, stream, num_tasks=3, first=0, steps_per_epoch=3, learning_rate=0.01, losses=None):
  """Visits tasks `first`, ..., `num_tasks` - 1 with compiled steps.

  Returns:
    The details of all summaries; `losses`, a list, gets the losses of every visit's phases by name.
  """
  summaries = []
  for visit, task in list(enumerate(stream.tasks))[first:num_tasks]:
    learner.begin_visit(task, visit)
    by_phase = {}
    for phase in tiny_stream.phases(learner):
      compiled, results = tf.function(phase.step, autograph=False), []
      for epoch in range(phase.num_epochs):
        learner.begin_epoch(epoch)
        for step in range(steps_per_epoch):
          number = epoch * steps_per_epoch + step
          rows = [(number * 4 + i) % len(task.train[1]) for i in range(4)]
          results.append(compiled(tiny_stream.batch_of(task, rows),
                                  tiny_stream.step_context(learner, number, learning_rate, phase)))
        learner.measure_statistics()
        learner.end_epoch(epoch, 0.5)
      by_phase[phase.name] = [float(result.loss) for result in results]
    summaries.append(dict(learner.end_visit().details))
    if losses is not None:
      losses.append(by_phase)
  return summaries


def flags(summaries):
  """Whether the mechanism acted, by visit."""
  return [details["mechanism_acted"] for details in summaries]


def accuracies(learner, stream):
  """On every learned task's validation split."""
  return [tiny_stream.accuracy(learner, stream.tasks[task_id], "validation") for task_id in learner.learned_tasks]


def live_by_name(name, num_tasks, epochs, *bindings, learning_rate=0.01):
  """The learner of a gin file on the contract's tiny network, its stream and the details of its visits."""
  subject = contract.load(name, bindings)
  learner = subject.make(epochs_per_task=epochs)
  return learner, subject.stream, live(learner, subject.stream, num_tasks, learning_rate=learning_rate)

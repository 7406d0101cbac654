"""Trains a learner on a stream of many tiny tasks and prints resident sizes, for test_memory_growth.

The last line of output is JSON: the learner, and after every visit the resident size in bytes and the number of
parameters.
"""

import json
import os
import pathlib
import sys

from lasem_tf.data import stream as stream_lib
from lasem_tf.data.streams import synthetic
from lasem_tf.learners import base, channel_gated, progressive, replay
from lasem_tf.learners.additive import decomposition
from lasem_tf.learners.expandable import learner as expandable
from lasem_tf.nn import architecture
from lasem_tf.training import events, lifetime, options, splits

LEARNERS = {"replay": replay.ExperienceReplay, "apd": decomposition.AdditiveDecomposition,
            "prognn": progressive.ProgressiveNetwork, "den": expandable.ExpandableNetwork,
            "channel_gated": channel_gated.ChannelGated}
SPEC = architecture.ConvNetSpec((8, 8, 3), (3, 3), (4, 4), (2, 2), (8,))


def resident_bytes() -> int:
  """Of this process."""
  return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Recorder(events.Sink):
  """Keeps the resident size after every visit."""

  name = "resident_size"

  def __init__(self):
    self.sizes = []

  def emit(self, event):
    if isinstance(event, events.VisitEnded):
      self.sizes.append(resident_bytes())


def main(name: str, num_tasks: int) -> None:
  """Runs one learner."""
  stream = synthetic.Synthetic(
      stream_lib.StreamContext(seed=0), groups=("both",) * num_tasks, num_classes=2, image_size=8, grid_size=4,
      train_per_class=8, validation_per_class=4, test_per_class=4)
  training = options.TrainingOptions(batch_size=4, epochs_per_task=2, learning_rate=0.01)
  recorder = Recorder()

  data = splits.SplitCache(stream)
  learner = LEARNERS[name](base.LearnerContext(SPEC, (2,) * num_tasks, seed=0, epochs_per_task=2, batch_size=4,
                                               learning_rate=0.01, examples=data.training_examples))
  measured = lifetime.Lifetime(learner, data, training, sinks=[recorder]).run().measured
  print(json.dumps({"learner": name, "status": measured.status, "resident": recorder.sizes,
                    "parameters": measured.parameters.after_visit}))


if __name__ == "__main__":
  main(sys.argv[1], int(sys.argv[2]))

"""What is compared with what, and the bars that the ratios must meet."""

import dataclasses
from typing import Mapping

from benchmark.speed import graph_mode, measure, suite_steps
from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import composed, single_task
from lasem_tf.nn import architecture
from lasem_tf.selection import expectation
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Network:
  """A backbone of the papers as it is trained there.

  Attributes:
    spec: the backbone.
    num_classes: of a task.
    batch_size: of training.
    epochs_per_task: of the paper.
    examples: training, validation and test examples of a task.
    num_tasks: of the stream.
  """

  spec: architecture.ConvNetSpec
  num_classes: int
  batch_size: int
  epochs_per_task: int
  examples: tuple[int, int, int]
  num_tasks: int


NETWORKS = {
    "cifar100": Network(architecture.ConvNetSpec((32, 32, 3), (3, 3, 3, 3), (32, 32, 64, 64), (1, 2, 1, 2), (64,)),
                        10, 10, 2000, (170, 30, 1000), 10),
    "stl10": Network(architecture.ConvNetSpec((96, 96, 3), (3,) * 6, (32, 32, 64, 64, 128, 128), (1, 3, 1, 3, 1, 3), (128, 16)),
                     3, 10, 500, (318, 57, 2400), 20),
    "office_home": Network(architecture.ConvNetSpec((128, 128, 3), (11, 5, 3, 3), (64, 256, 256, 256), (3, 3, 2, 2), (256, 64)),
                           13, 16, 1000, (522, 82, 258), 10),
}


@dataclasses.dataclass(frozen=True)
class Ratio:
  """A measured ratio and its bar.

  Attributes:
    name: what is divided by what.
    value: the ratio.
    limit: the bar, or None.
    at_least: whether the bar is a lower bound.
  """

  name: str
  value: float
  limit: float | None = None
  at_least: bool = False

  @property
  def met(self) -> bool | None:
    """Whether the bar is met; None where there is none."""
    if self.limit is None:
      return None
    return self.value >= self.limit if self.at_least else self.value <= self.limit


def plain(context):
  """The plain network: single-task learning."""
  return single_task.SingleTask(context)


def lasem(context):
  """LASEM with hard parameter sharing."""
  return composed.Composed(context, hard_sharing.HardSharing(), expectation.Expectation())


def core_arms(network: Network) -> tuple[list[measure.Arm], dict[str, suite_steps.TrainedLearner]]:
  """The arms of the core comparison, and the learners behind those of the suite."""
  learners = {name: suite_steps.TrainedLearner(make, network.spec, network.num_classes, network.batch_size)
              for name, make in (("plain", plain), ("lasem", lasem))}
  images = tf.random.stateless_normal([network.batch_size, *network.spec.image_shape], [1, 1]).numpy()
  labels = (tf.range(network.batch_size) % network.num_classes).numpy().astype("float32")
  arms = [learners["plain"].step_arm("plain step"), learners["plain"].epoch_arm("plain step, loop in the graph"),
          learners["lasem"].step_arm("LASEM step"),
          learners["plain"].evaluation_arm("evaluation, per image", 10 * network.batch_size)]
  for name, kind in (("feed-dict step", graph_mode.GraphModeStep), ("LASEM step in graph mode, one tower a configuration",
                                                                   graph_mode.GraphModeSearchStep)):
    model = kind(network.spec, network.num_classes, network.batch_size)
    arms.append(measure.Arm(name, lambda model=model: model.step(images, labels)))
  return arms, learners


def core_ratios(network: Network, costs: Mapping[str, measure.Cost]) -> list[Ratio]:
  """The ratios of the core comparison."""
  cost = {name: value.median for name, value in costs.items()}
  best_plain = min(cost["plain step"], cost["plain step, loop in the graph"])
  depth = network.spec.depth
  graph_search = cost["LASEM step in graph mode, one tower a configuration"]
  return [
      Ratio("plain step, best form / feed-dict step", best_plain / cost["feed-dict step"], 1.10),
      Ratio("plain step, one call each / feed-dict step", cost["plain step"] / cost["feed-dict step"], 1.25),
      Ratio("LASEM step / plain step", cost["LASEM step"] / cost["plain step"], {4: 10.0, 6: 14.5}.get(depth)),
      Ratio("LASEM step / LASEM step in graph mode", cost["LASEM step"] / graph_search, {4: 0.55, 6: 0.30}.get(depth)),
      Ratio("evaluation share of a paper-length task, plain",
            evaluation_share(network, best_plain, cost["evaluation, per image"]), 0.15),
      Ratio("evaluation share if every learned task were evaluated every epoch, as the releases do",
            dense_evaluation_share(network, best_plain, cost["evaluation, per image"])),
  ]


def evaluation_share(network: Network, step: float, image: float) -> float:
  """Share of evaluation in the CPU time of one task of the paper's length, averaged over the stream.

  Per epoch the validation images; the test images at every strict improvement, of which a validation set of n images
  allows at most n + 1; and at the end the test images of all tasks learned so far.
  """
  num_train, num_validation, num_test = network.examples
  training = network.epochs_per_task * (num_train // network.batch_size) * step
  images = (network.epochs_per_task + 1) * num_validation + (num_validation + 1) * num_test \
      + (network.num_tasks + 1) / 2 * num_test
  return images * image / (training + images * image)


def dense_evaluation_share(network: Network, step: float, image: float) -> float:
  """The same with train, validation and test images of every learned task after every epoch."""
  training = (network.examples[0] // network.batch_size) * step
  images = (network.num_tasks + 1) / 2 * sum(network.examples)
  return images * image / (training + images * image)

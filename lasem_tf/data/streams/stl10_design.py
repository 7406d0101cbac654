"""The seeded design of the STL-10 streams: what the tasks are, and which images each trial uses.

The tasks behind the published numbers were drawn without a seed and never released. Here classes, noise and channel
permutations are functions of `design_seed` alone, so that all trials share them, and indices of `design_seed` and the
trial's seed.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from lasem_tf import seeding

NUM_CLASSES = 10
NOISE_STEP = 0.025
# The release draws integers below an exclusive bound, which is why +2 and a second deviation never occur, and its
# manual calls the second number a variance although it is used as a standard deviation. Both are kept: they define the
# stream.
NOISE_MEAN_STEPS = (-2, -1, 0, 1)
NOISE_DEVIATION_STEPS = (0, 1)
IDENTITY = (0, 1, 2)


@dataclasses.dataclass(frozen=True)
class TaskDesign:
  """One task.

  Attributes:
    classes: class ids 0..9 in order of local labels.
    noise_mean: added to every pixel, on the scale [-0.5, 0.5].
    noise_deviation: standard deviation of the noise, on the same scale.
    channels: output channel i is input channel `channels[i]`.
  """

  classes: tuple[int, ...]
  noise_mean: float = 0.0
  noise_deviation: float = 0.0
  channels: tuple[int, int, int] = IDENTITY

  @property
  def has_noise(self) -> bool:
    """Whether pixels are altered, and hence clipped."""
    return self.noise_mean != 0 or self.noise_deviation != 0


@dataclasses.dataclass(frozen=True)
class TaskIndices:
  """Training and validation images of one task in one trial.

  Attributes:
    train: (class id, position within the class in file order), in stored order: class after class.
    validation: the same.
  """

  train: tuple[tuple[int, int], ...]
  validation: tuple[tuple[int, int], ...]


def draw_tasks(num_tasks: int, num_classes: int, design_seed: int, name: str) -> tuple[TaskDesign, ...]:
  """Draws the tasks: no two have the same set of classes.

  Args:
    num_tasks: number of tasks.
    num_classes: classes of each task.
    design_seed: fixes the draw.
    name: of the stream, part of the seed.

  Raises:
    ValueError: there are fewer sets of classes than tasks.
  """
  if not 1 <= num_classes <= NUM_CLASSES or not 1 <= num_tasks <= math.comb(NUM_CLASSES, num_classes):
    raise ValueError(f"STL-10 has no {num_tasks} different sets of {num_classes} out of {NUM_CLASSES} classes: change "
                     "STL10.num_tasks or STL10.num_classes.")
  tasks, seen = [], set()
  for task_id in range(num_tasks):
    generator = seeding.generator(design_seed, name, "classes", task_id)
    while True:
      classes = tuple(int(c) for c in generator.permutation(NUM_CLASSES)[:num_classes])
      if frozenset(classes) not in seen:
        break
    seen.add(frozenset(classes))
    generator = seeding.generator(design_seed, name, "noise", task_id)
    mean, deviation = (NOISE_STEP * int(generator.choice(steps)) for steps in (NOISE_MEAN_STEPS, NOISE_DEVIATION_STEPS))
    red, green, blue = (int(c) for c in seeding.generator(design_seed, name, "channels", task_id).permutation(3))
    tasks.append(TaskDesign(classes, mean, deviation, (red, green, blue)))
  return tuple(tasks)


def images_per_class(num_available: int, percent: int, validation_percent: int) -> tuple[int, int]:
  """(training, validation) images that a task takes of a class: a percentage, of which a percentage validates.

  500 images at 25 and 15 per cent give 106 and 19.
  """
  usable = num_available * percent // 100
  num_validation = -(-usable * validation_percent // 100)
  return usable - num_validation, num_validation


def draw_indices(tasks: Sequence[TaskDesign], class_counts: Sequence[int], percent: int, validation_percent: int,
                 partition: str, design_seed: int, seed: int, name: str) -> tuple[TaskIndices, ...]:
  """Draws the training and validation images of one trial.

  Args:
    tasks: the tasks.
    class_counts: training images available of each of the ten classes.
    percent: how much of a class a task uses.
    validation_percent: how much of that is for validation.
    partition: 'independent' draws every task on its own, as the releases do, so that a validation image of one task is
      often a training image of another; 'per_class' takes both from pools that are fixed for the trial.
    design_seed: with `seed`, fixes the draw.
    seed: the trial.
    name: of the stream, part of the seed.
  """
  drawn = []
  for task_id, task in enumerate(tasks):
    train, validation = [], []
    for class_id in task.classes:
      count = class_counts[class_id]
      num_train, num_validation = images_per_class(count, percent, validation_percent)
      order = seeding.generator(design_seed, seed, name, "indices", task_id, class_id).permutation(count)
      if partition == "per_class":
        pool = seeding.generator(design_seed, seed, name, "partition", class_id).permutation(count)
        in_validation_pool = np.isin(order, pool[:-(-count * validation_percent // 100)])
        order = np.concatenate([order[in_validation_pool][:num_validation], order[~in_validation_pool][:num_train]])
      validation += [(class_id, int(position)) for position in order[:num_validation]]
      train += [(class_id, int(position)) for position in order[num_validation:num_validation + num_train]]
    drawn.append(TaskIndices(tuple(train), tuple(validation)))
  return tuple(drawn)

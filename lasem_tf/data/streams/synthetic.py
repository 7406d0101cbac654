"""A built-in stream of tiny images whose transfer structure is planted: it is known what a method should share."""

import gin
import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import stream

KINDS = ("texture", "arrangement", "both", "nothing")
_DEFAULT_GROUPS = tuple(kind for kind in KINDS for _ in range(2))
_NUM_TEXTURES = 4
_PERIOD = 4  # side of the smallest repeating piece of a texture, in pixels


@gin.register
class Synthetic(stream.TaskStream):
  """Tasks built from two independent ingredients, each of which a group of tasks shares or does not.

  What is planted:

  * A **texture vocabulary** is four random periodic colour patterns (period 4 pixels, zero mean, unit variance). It is
    low-level: a texture is recognised by looking at 4x4 pixels, whatever its phase.
  * An **arrangement** says, for every class, which of the four textures stands in which cell of a grid. It is
    high-level: all classes of a task use every texture in the same number of cells, so neither colours nor the mixture
    of textures tells them apart, only where the textures stand.

  | group of a task | texture vocabulary | arrangement | what should transfer within the group |
  | --- | --- | --- | --- |
  | 'texture' | the group's | its own | the layers near the input |
  | 'arrangement' | its own | the group's | the layers near the output |
  | 'both' | the group's | the group's | everything |
  | 'nothing' | its own | its own | nothing |

  Groups share nothing with each other. An image puts its class's textures on the grid, each cell in a random phase and
  contrast, replaces some cells by a random texture, and adds pixel noise. Vocabularies and arrangements depend on
  `design_seed` alone; training and validation images also on `seed`; test images are the same for all seeds.
  """

  name = "synthetic"

  def __init__(self, context: stream.StreamContext,
               groups: tuple[str, ...] = _DEFAULT_GROUPS, num_classes: int = 4,
               image_size: int = 16, grid_size: int = 4, train_per_class: int = 10, validation_per_class: int = 10,
               test_per_class: int = 25, replaced_cells: float = 0.2, noise: float = 0.5,
               num_tasks: int | None = None):
    """Draws the design; images are drawn by `load`.

    Args:
      context: `StreamContext`; no data folder is needed.
      groups: for every task one of 'texture', 'arrangement', 'both', 'nothing'.
      num_classes: classes of every task.
      image_size: side of an image in pixels.
      grid_size: cells along a side of the grid; must divide `image_size`, and its square must be a multiple of 4.
      train_per_class: training images of a class.
      validation_per_class: validation images of a class.
      test_per_class: test images of a class.
      replaced_cells: probability with which a cell shows a random texture instead of its class's.
      noise: standard deviation of the pixel noise; textures have 1.
      num_tasks: the first so many tasks of `groups` only.

    Raises:
      ValueError: a binding has a value that it cannot take.
    """
    _check_binding("groups", groups,
                   isinstance(groups, (tuple, list)) and groups and all(kind in KINDS for kind in groups),
                   f"a non-empty list of {', '.join(map(repr, KINDS))}")
    sizes = {"num_classes": num_classes, "image_size": image_size, "grid_size": grid_size,
             "train_per_class": train_per_class, "validation_per_class": validation_per_class,
             "test_per_class": test_per_class}
    for binding, value in sizes.items():
      _check_binding(binding, value, type(value) is int and value > 0, "a positive integer")
    _check_binding("grid_size", grid_size, image_size % grid_size == 0 and grid_size**2 % _NUM_TEXTURES == 0,
                   f"a divisor of image_size ({image_size}) whose square is a multiple of {_NUM_TEXTURES}")
    _check_binding("num_classes", num_classes, 2 <= num_classes <= 20, "between 2 and 20")
    for binding, share, limit in (("replaced_cells", replaced_cells, 1.0), ("noise", noise, np.inf)):
      _check_binding(binding, share,
                     type(share) in (int, float) and 0.0 <= share <= limit, f"a number from 0 to {limit}")
    self.context = context
    self.display_name = "Synthetic"
    self.image_shape = (image_size, image_size, 3)
    self.protocol = {"protocol": "clean"} | sizes | {"replaced_cells": float(replaced_cells), "noise": float(noise)}
    self._grid_size = grid_size
    self._per_class = dict(zip(types.SPLITS, (train_per_class, validation_per_class, test_per_class)))
    self._replaced_cells, self._noise = float(replaced_cells), float(noise)
    names = tuple(f"arrangement {label}" for label in range(num_classes))
    self.tasks = tuple(types.TaskInfo(task_id, num_classes, names, (), self._details(task_id, kind))
                       for task_id, kind in enumerate(groups))
    self._num_designed = len(groups)
    self.keep_first(num_tasks)

  def _details(self, task_id, kind):
    """Where the task's two ingredients come from. The design seed belongs to the design, so it is listed."""
    own = f"task {task_id}"
    shared = f"group {kind}"
    return {"group": kind, "texture": shared if kind in ("texture", "both") else own,
            "arrangement": shared if kind in ("arrangement", "both") else own, "design_seed": self.context.design_seed}

  def texture_vocabulary(self, task_id: int) -> np.ndarray:
    """float64 `[textures, period, period, channels]` of a task."""
    generator = seeding.generator(self.context.design_seed, "synthetic", "texture",
                                  self.tasks[task_id].details["texture"])
    patterns = generator.standard_normal((_NUM_TEXTURES, _PERIOD, _PERIOD, 3))
    patterns -= patterns.mean(axis=(1, 2), keepdims=True)
    return patterns / patterns.std(axis=(1, 2, 3), keepdims=True)

  def arrangements(self, task_id: int) -> np.ndarray:
    """int64 `[classes, grid, grid]`: which texture stands where, for every class of a task."""
    task = self.tasks[task_id]
    generator = seeding.generator(self.context.design_seed, "synthetic", "arrangement", task.details["arrangement"])
    cells = np.repeat(np.arange(_NUM_TEXTURES), self._grid_size**2 // _NUM_TEXTURES)
    found: list[np.ndarray] = []
    while len(found) < task.num_classes:
      arrangement = generator.permutation(cells)
      if not any(np.array_equal(arrangement, other) for other in found):
        found.append(arrangement)
    return np.stack(found).reshape(-1, self._grid_size, self._grid_size)

  def _source_indices(self, task_id, split):
    """Every image exists once: tasks and splits number their images apart."""
    size = self._per_class[split] * self.tasks[task_id].num_classes
    first = 0
    if split == "validation":
      first = self._num_designed * self._per_class["train"] * self.tasks[task_id].num_classes
    return first + task_id * size + np.arange(size, dtype=np.int64)

  def _load(self, task_id, split):
    num_classes = self.tasks[task_id].num_classes
    seed = "all trials" if split == "test" else self.context.seed
    generator = seeding.generator(self.context.design_seed, seed, "synthetic", "images", split, task_id)
    labels = generator.permutation(np.repeat(np.arange(num_classes, dtype=np.int32), self._per_class[split]))
    textures = self.arrangements(task_id)[labels]
    replaced = generator.random(textures.shape) < self._replaced_cells
    textures = np.where(replaced, generator.integers(_NUM_TEXTURES, size=textures.shape), textures)
    images = self._render(self.texture_vocabulary(task_id), textures, generator)
    images += self._noise * generator.standard_normal(images.shape)
    return types.TaskSplit(images.astype(np.float32), labels, self._source_indices(task_id, split))

  def _render(self, vocabulary, textures, generator):
    """Fills every cell with its texture, in a random phase and with a contrast of 0.5 to 1.5."""
    cell = self.image_shape[0] // self._grid_size
    phases = generator.integers(_PERIOD, size=(2, *textures.shape))[..., np.newaxis]
    contrast = generator.uniform(0.5, 1.5, size=(*textures.shape, 1, 1, 1))
    rows, columns = ((phase + np.arange(cell)) % _PERIOD for phase in phases)
    cells = contrast * vocabulary[textures[..., np.newaxis, np.newaxis], rows[..., :, np.newaxis],
                                  columns[..., np.newaxis, :]]
    return cells.transpose(0, 1, 3, 2, 4, 5).reshape(len(textures), *self.image_shape)

  def _data_seed(self):
    return self.context.design_seed, self.context.seed


def _check_binding(name, value, fits, expected):
  if not fits:
    raise ValueError(f"Synthetic.{name} must be {expected}, not {value!r}.")

"""A stream whose best transfer configuration is declared layer by layer, for the network that decodes its images.

Images come from a random hierarchy (Cagnetta, Petrini, Tomasini, Favero, Wyart: "How deep neural networks learn
compositional data: the random hierarchy model", Physical Review X 2024): a class is written with symbols, each symbol
with four smaller ones, and so on down to pixels. Every level has several synonyms for a symbol, so that a network must
learn the rules of every level, one convolution and pool for each, and a few images teach few of them.
"""

import itertools

import gin
import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import stream

_PIECE = 2  # Side of what a symbol is written with, in symbols of the next level or in pixels.
_ALL_TRIALS = "all trials"


@gin.register
class Hierarchy(stream.TaskStream):
  """Tasks that take the rules of each level from a bank, or have their own.

  Level l (0 is nearest the pixels) says how its symbols are written: each has `num_synonyms` pieces of 2 x 2, of pixels
  at level 0 and of symbols of level l-1 above. Convolution l with its pool decodes level l. A task's bits say of every
  level whether its rules are the bank's, which are common to all tasks, or the task's own:

  * level 0: other patches of pixels;
  * a level in between: the bank's pieces, each of which stands for another symbol, and no synonyms stay synonyms;
  * the top level: other pieces of the bank's kind.

  What its classes are made of is always the task's own, for the head. The first task has many images and fills the
  bank. Where a task's rules are the bank's, sharing that layer saves learning them from few images; where they are its
  own, a shared layer unlearns what earlier tasks need. Hence the best configuration of a task is its bits. That it is
  best is measured, see `benchmark.certificate`.

  Rules depend on `design_seed` alone; training and validation images also on `seed`; test images are common to all
  seeds.
  """

  name = "hierarchy"

  def __init__(self, context: stream.StreamContext, configurations: tuple[str, ...] = gin.REQUIRED,
               first_train_images: int = 800, train_images: int = 200, validation_images: int = 40,
               test_images: int = 200, num_classes: int = 4, num_symbols: int = 4, num_synonyms: int = 2,
               class_side: int = 2, class_synonyms: int = 2, noise: float = 0.3,
               num_tasks: int | None = None):
    """Draws nothing yet: rules and images are drawn by `load`.

    Args:
      context: `StreamContext`; no data folder is needed.
      configurations: for every task one bit a level, from the pixels up: '1' the bank's rules, '0' its own.
      first_train_images: training images of the first task.
      train_images: of every other task.
      validation_images: of a task.
      test_images: of a task.
      num_classes: classes of every task.
      num_symbols: of every level.
      num_synonyms: pieces that stand for a symbol.
      class_side: a class is written with a square of so many symbols of the top level along a side.
      class_synonyms: number of such squares of a class.
      noise: standard deviation of the pixel noise; pixels are +-1.
      num_tasks: the first so many tasks of `configurations` only.

    Raises:
      ValueError: a binding has a value that it cannot take.
    """
    sizes = {"first_train_images": first_train_images, "train_images": train_images,
             "validation_images": validation_images, "test_images": test_images, "num_classes": num_classes,
             "num_symbols": num_symbols, "num_synonyms": num_synonyms, "class_side": class_side,
             "class_synonyms": class_synonyms}
    for binding, value in sizes.items():
      _check_binding(binding, value, type(value) is int and value > 0, "a positive integer")
    _check_binding("noise", noise, type(noise) in (int, float) and 0.0 <= noise < np.inf, "a number from 0 on")
    _check_binding("configurations", configurations, _are_bits(configurations),
                   "for every task one bit a level, such as ('111', '011')")
    _check_binding("configurations", configurations, set(configurations[0]) == {"1"},
                   "a list whose first entry is all ones, since the first task fills the bank")
    _check_binding("num_classes", num_classes, num_classes * class_synonyms <= num_symbols**class_side**2,
                   f"small enough for {class_synonyms} of the {num_symbols}^{class_side**2} squares for each class")
    _check_binding("num_synonyms", num_synonyms, num_synonyms < num_symbols,
                   f"less than num_symbols ({num_symbols}), so that synonyms can be parted")
    # Own pieces of the top level are none of the bank's.
    _check_binding("num_synonyms", num_synonyms, 2 * num_synonyms <= num_symbols**(_PIECE**2 - 1),
                   f"at most {num_symbols**(_PIECE**2 - 1) // 2} for {num_symbols} symbols")
    self.context = context
    self.display_name = "Hierarchy"
    self._configurations, self._depth = tuple(configurations), len(configurations[0])
    side = class_side * _PIECE**self._depth
    self.image_shape = (side, side, 3)
    self._num_symbols, self._num_synonyms, self._noise = num_symbols, num_synonyms, float(noise)
    self._class_side, self._class_synonyms = class_side, class_synonyms
    self._images = {"train": train_images, "validation": validation_images, "test": test_images}
    self._first_train_images = first_train_images
    self.protocol = {"protocol": "clean"} | sizes | {
        "noise": float(noise), types.BEST_CONFIGURATION: list(configurations)}
    names = tuple(f"class {label}" for label in range(num_classes))
    self.tasks = tuple(
        types.TaskInfo(task_id, num_classes, names, (),
                       {types.BEST_CONFIGURATION: bits, "design_seed": context.design_seed})
        for task_id, bits in enumerate(configurations))
    self.keep_first(num_tasks)

  def rules(self, task_id: int, level: int) -> np.ndarray:
    """How a task writes the symbols of a level.

    Returns:
      At level 0 float64 `[symbols, synonyms, 2, 2, channels]`, pixels of +-1; above int64 `[symbols, synonyms, 2, 2]`,
      symbols of the level below.
    """
    is_own = self._configurations[task_id][level] == "0"
    generator = self._design("rules", level, task_id if is_own else "bank")
    shape = (self._num_symbols, self._num_synonyms, _PIECE, _PIECE)
    if level == 0:
      return generator.choice([-1.0, 1.0], size=(*shape, 3))
    pieces = np.array(list(itertools.product(range(self._num_symbols), repeat=_PIECE**2)))
    count = self._num_symbols * self._num_synonyms
    order = self._design("rules", level, "bank").permutation(len(pieces))
    if is_own:
      order = generator.permutation(order[count:]) if level == self._depth - 1 else _regrouped(
          order[:count].reshape(shape[:2]), generator)
    return pieces[order[:count]].reshape(shape)

  def classes(self, task_id: int) -> np.ndarray:
    """int64 `[classes, synonyms, side, side]`: the squares of top symbols that a class of the task is written with."""
    squares = np.array(list(itertools.product(range(self._num_symbols), repeat=self._class_side**2)))
    shape = (self.tasks[task_id].num_classes, self._class_synonyms, self._class_side, self._class_side)
    order = self._design("classes", task_id).permutation(len(squares))
    return squares[order[:shape[0] * shape[1]]].reshape(shape)

  def _design(self, *purpose):
    return seeding.generator(self.context.design_seed, self.name, *purpose)

  def _num_images(self, task_id, split):
    return self._first_train_images if split == "train" and task_id == 0 else self._images[split]

  def _source_indices(self, task_id, split):
    """Every image exists once: tasks and splits number their images apart."""
    before = sum(self._num_images(task, other) for other in types.SPLITS[:types.SPLITS.index(split)]
                 for task in range(len(self._configurations)))
    before += sum(self._num_images(task, split) for task in range(task_id))
    return before + np.arange(self._num_images(task_id, split), dtype=np.int64)

  def _load(self, task_id, split):
    seed = _ALL_TRIALS if split == "test" else self.context.seed
    generator = seeding.generator(self.context.design_seed, seed, self.name, "images", split, task_id)
    count = self._num_images(task_id, split)
    labels = generator.permutation(np.arange(count, dtype=np.int32) % self.tasks[task_id].num_classes)
    written = self.classes(task_id)[labels, generator.integers(self._class_synonyms, size=count)]
    for level in reversed(range(self._depth)):
      pieces = self.rules(task_id, level)[written, generator.integers(self._num_synonyms, size=written.shape)]
      # [n, rows, columns, 2, 2, ...] -> [n, rows * 2, columns * 2, ...]
      side = _PIECE * written.shape[1]
      written = pieces.swapaxes(2, 3).reshape(count, side, side, *pieces.shape[5:])
    images = written + self._noise * generator.standard_normal(written.shape)
    return types.TaskSplit(images.astype(np.float32), labels, self._source_indices(task_id, split))

  def _data_seed(self):
    return self.context.design_seed, self.context.seed


def _regrouped(groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """Permutes the entries of `[groups, members]` so that none stays in its group and no two stay together."""
  origin = np.repeat(np.arange(len(groups)), groups.shape[1])
  while True:
    order = generator.permutation(np.arange(groups.size))
    came_from = origin[order].reshape(groups.shape)
    apart = all(len(set(group)) == len(group) for group in came_from.tolist())
    if apart and (came_from != np.arange(len(groups))[:, np.newaxis]).all():
      return groups.ravel()[order]


def _are_bits(values):
  """Whether these are texts of bits, all of one length."""
  return (isinstance(values, (tuple, list)) and bool(values)
          and all(isinstance(bits, str) and bits and set(bits) <= {"0", "1"} for bits in values)
          and len({len(bits) for bits in values}) == 1)


def _check_binding(name, value, fits, expected):
  if not fits:
    raise ValueError(f"Hierarchy.{name} must be {expected}, not {value!r}.")

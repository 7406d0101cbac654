"""Which classes of a user's own data make which task, and how a class is split. Names and numbers only."""

import dataclasses
import fractions
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data.stream import DataError


@dataclasses.dataclass(frozen=True)
class TaskPlan:
  """One task before its images are known.

  Attributes:
    classes: names, in order of the labels.
    details: facts about the task, for people and fingerprints.
    rotation: degrees by which its images are turned.
    permutation_seed: what the order of its pixels is drawn from; None: pixels stay.
  """

  classes: tuple[str, ...]
  details: Mapping[str, object] = dataclasses.field(default_factory=dict)
  rotation: int = 0
  permutation_seed: int | None = None


def divide(classes: Sequence[str], num_tasks: int | None, classes_per_task: int | None,
           tasks: Sequence[Sequence[str]], kind: str, where: str) -> list[tuple[str, ...]]:
  """Divides classes into tasks.

  Args:
    classes: all class names, in order.
    num_tasks: with `classes_per_task`, so many tasks of so many classes, the rest unused; alone, tasks as equal as can
      be, the first ones larger.
    classes_per_task: alone, as many tasks as there are classes for; what is left, if two or more, is a last task.
    tasks: the class names of each task; replaces both numbers. A class may be in several tasks.
    kind: name of the stream's class, for messages.
    where: the folder or data set, for messages.

  Raises:
    ValueError: the bindings contradict each other.
    DataError: the classes are too few, or a class of `tasks` does not exist.
  """
  if tasks and (num_tasks is not None or classes_per_task is not None):
    raise ValueError(f"{kind}.tasks says it all: do not bind {kind}.num_tasks or {kind}.classes_per_task besides.")
  for name, value, least in (("num_tasks", num_tasks, 1), ("classes_per_task", classes_per_task, 2)):
    if value is not None and (type(value) is not int or value < least):
      raise ValueError(f"{kind}.{name} must be a whole number of at least {least}, not {value!r}.")
  if len(classes) < 2:
    raise DataError(f"{where} holds one class only, {classes[0]!r}: there is nothing to tell apart. Add a "
                    "second class.")
  if tasks:
    return _named(classes, tasks, kind, where)
  if num_tasks is None and classes_per_task is None:
    raise ValueError(f"{where} holds {len(classes)} classes, and nothing says how they make tasks: bind "
                     f"{kind}.num_tasks, {kind}.classes_per_task or {kind}.tasks.")
  if num_tasks is not None and classes_per_task is not None:
    sizes = [classes_per_task] * num_tasks
  elif num_tasks is not None:
    sizes = [len(classes) // num_tasks + (task < len(classes) % num_tasks) for task in range(num_tasks)]
  else:
    full, rest = divmod(len(classes), classes_per_task or 1)
    sizes = [classes_per_task or 0] * full + [rest] * (rest > 1)
  if sum(sizes) > len(classes) or min(sizes, default=0) < 2:
    raise DataError(f"{where} holds {len(classes)} classes, too few for the tasks of {kind}.num_tasks = {num_tasks} "
                    f"and {kind}.classes_per_task = {classes_per_task}: a task needs at least two. Lower one of them.")
  ends = np.cumsum(sizes)
  return [tuple(classes[end - size:end]) for size, end in zip(sizes, ends)]


def _named(classes, tasks, kind, where) -> list[tuple[str, ...]]:
  for task_id, names in enumerate(tasks):
    unknown = [name for name in names if name not in classes]
    if unknown:
      raise DataError(f"{where} holds no class {unknown[0]!r}, which {kind}.tasks puts into task {task_id}. There are "
                      f"{', '.join(classes[:20])}{', ...' if len(classes) > 20 else ''}.")
    if len(names) < 2 or len(set(names)) < len(names):
      raise ValueError(f"{kind}.tasks: task {task_id} must name at least two classes and none twice, not "
                       f"{list(names)}.")
  return [tuple(names) for names in tasks]


def how_to_begin_with(earlier: Sequence[tuple[str, ...]], tasks: Sequence[types.TaskInfo], kind: str) -> str:
  """The sentence of `TaskStream.how_to_begin_with` for classes that `divide` made tasks of; '' if they do begin so.

  Args:
    earlier: class names of each task of the shorter stream.
    tasks: of the longer one.
    kind: name of the stream's class.
  """
  if [task.class_names for task in tasks[:len(earlier)]] == list(earlier):
    return ""
  if {"rotation", "permutation"} & {*tasks[0].details}:
    return f"Keep the classes, and add to the end of {kind}.rotations or to {kind}.num_permutations."
  begun = ", ".join(repr(tuple(names)) for names in earlier)
  return (f"Bind {kind}.tasks, and neither {kind}.num_tasks nor {kind}.classes_per_task, which divide classes anew: "
          f"{kind}.tasks = ({begun}, ...), with the names of further tasks in the place of the dots.")


def in_several(plans: Sequence[TaskPlan]) -> str:
  """A sentence about classes that occur in several tasks, or nothing."""
  places: dict[str, list[int]] = {}
  for task_id, plan in enumerate(plans):
    for name in plan.classes:
      places.setdefault(name, []).append(task_id)
  shared = {name: found for name, found in places.items() if len(found) > 1}
  if not shared:
    return ""
  name, found = next(iter(shared.items()))
  return (f"{len(shared)} of {len(places)} labels occur in several tasks, such as {name!r} in tasks "
          f"{', '.join(map(str, found))}: an image has the same split in all of them.")


def transformed(plans: Sequence[TaskPlan], rotations: Sequence[int], num_permutations: int, side: int, kind: str,
                design_seed: int) -> list[TaskPlan]:
  """Every task once for each rotation, or for each permutation of pixels; as they are without both.

  Args:
    plans: the tasks.
    rotations: degrees, multiples of 90; all tasks turned by the first, then all by the second, ...
    num_permutations: how many orders of pixels; the first leaves them in place.
    side: height and width of the images, in pixels.
    kind: name of the stream's class, for messages.
    design_seed: what the orders are drawn from, the same for all trials.

  Raises:
    ValueError: both are asked for, or a rotation is impossible.
  """
  if type(num_permutations) is not int or num_permutations < 0 or (rotations and num_permutations):
    raise ValueError(f"{kind}.num_permutations must be a whole number, and 0 beside {kind}.rotations; it is "
                     f"{num_permutations!r}.")
  if len(set(rotations)) < len(rotations) or not set(rotations) <= {0, 90, 180, 270}:
    raise ValueError(f"{kind}.rotations must be different ones of 0, 90, 180, 270 degrees, not {tuple(rotations)}.")
  if rotations:
    return [dataclasses.replace(plan, details={**plan.details, "rotation": degrees}, rotation=degrees)
            for degrees in rotations for plan in plans]
  seeds = [None, *(seeding.stateless_seed(design_seed, "pixel permutation", side, number)[0]
                   for number in range(1, num_permutations))]
  return [dataclasses.replace(plan, details={**plan.details, **({"permutation": number} if num_permutations else {})},
                              permutation_seed=seed) for number, seed in enumerate(seeds) for plan in plans]


def check_shares(split: Sequence[float], binding: str) -> tuple[fractions.Fraction, ...]:
  """The shares of train, validation and test as exact fractions: 0.6 is three fifths, whatever binary it is stored as.

  Raises:
    ValueError: there are not three, one is not positive, or they exceed one together.
  """
  exact = tuple(fractions.Fraction(repr(share)) for share in split if type(share) in (int, float) and 0 < share < 1)
  if len(split) != 3 or len(exact) != 3 or sum(exact) > 1:
    raise ValueError(f"{binding} must be three positive shares (train, validation, test) that add up to 1 at most, "
                     f"such as (0.6, 0.1, 0.3), not {tuple(split)}.")
  return exact


def split_sizes(num_images: int, shares: Sequence[fractions.Fraction]) -> dict[str, int]:
  """Images of a class in each split: validation and test are rounded down, and training gets what that leaves."""
  total, validation, test = (int(num_images * share) for share in (sum(shares), *shares[1:]))
  return {"train": total - validation - test, "validation": validation, "test": test}


def draw(num_images: int, shares: Sequence[fractions.Fraction], key: Iterable) -> dict[str, np.ndarray]:
  """Positions of a class's images by split, int64, without overlap.

  Args:
    num_images: images of the class.
    shares: as `check_shares` gives them.
    key: what the draw depends on.
  """
  order = seeding.generator(*key).permutation(num_images)
  sizes = split_sizes(num_images, shares)
  ends = np.cumsum([sizes[split] for split in types.SPLITS])
  return {split: order[end - sizes[split]:end] for split, end in zip(types.SPLITS, ends)}

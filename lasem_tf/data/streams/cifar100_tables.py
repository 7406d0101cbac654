"""Constants of the CIFAR-100 streams: which classes make up a task, and how many images of each it sees.

A task holds ten classes from ten different superclasses. In the 10-task stream label j stands for the same superclass
in tasks 0-4, and for another one in tasks 5-9, so the order of a row matters. Counts are those of Lee et al., "Learning
Shared Knowledge for Deep Lifelong Learning Using Deconvolutional Networks" (IJCAI 2019), as its release states them.
"""

IMAGES_PER_CLASS = (500, 100)  # official training and test images

CLASS_NAMES = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest",
    "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard",
    "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum",
    "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone",
    "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm",
]

_TEN_TASKS = (
    (4, 1, 54, 9, 0, 5, 6, 3, 12, 8),
    (30, 32, 62, 10, 51, 20, 7, 42, 17, 13),
    (55, 67, 70, 16, 53, 25, 14, 43, 37, 48),
    (72, 73, 82, 28, 57, 84, 18, 88, 68, 58),
    (95, 91, 92, 61, 83, 94, 24, 97, 76, 90),
    (22, 23, 15, 34, 26, 2, 27, 36, 47, 41),
    (39, 33, 19, 63, 45, 11, 29, 50, 52, 69),
    (40, 49, 21, 64, 77, 35, 44, 65, 56, 81),
    (86, 60, 31, 66, 79, 46, 78, 74, 59, 85),
    (87, 71, 38, 75, 99, 98, 93, 80, 96, 89),
)

# The 20-task stream walks around this circle of the ten tasks, with a mixture between every two neighbours.
_CIRCLE = (0, 5, 1, 6, 2, 7, 3, 8, 9, 4)

# data_percent -> images per task (training, validation). Validation is inside the percentage: both sum to 50 x percent.
COUNTS_PER_TASK = {
    2: (80, 20), 4: (170, 30), 6: (250, 50), 8: (330, 70), 10: (410, 90), 20: (830, 170), 25: (1040, 210),
    30: (1250, 250), 40: (1670, 330), 50: (2080, 420), 60: (2500, 500), 70: (2920, 580), 75: (3120, 630),
    80: (3330, 670), 90: (3750, 750), 100: (4170, 830),
}


def smallest_design(num_tasks: int) -> int:
  """Number of tasks of the smallest of the three streams that has so many tasks, of which the first can be taken.

  Raises:
    ValueError: none has.
  """
  for designed in (10, 20, 40):
    if type(num_tasks) is int and 0 < num_tasks <= designed:
      return designed
  raise ValueError(f"CIFAR100.num_tasks must be 10, 20 or 40, or a smaller number of first tasks, not {num_tasks!r}.")


def task_classes(num_tasks: int) -> tuple[tuple[int, ...], ...]:
  """Global class id for every label of every task.

  Args:
    num_tasks: 10 (every class once), 20 (every class twice: a task shares five classes with each neighbour on a circle)
      or 40 (every class four times, half of them under more than one label; Lee et al., ICML 2021).

  Returns:
    `num_tasks` rows of ten class ids; the position in a row is the label.

  Raises:
    ValueError: no such stream.
  """
  if num_tasks == 10:
    return _TEN_TASKS
  if num_tasks == 20:
    return _twenty_tasks()
  if num_tasks == 40:
    return _twenty_tasks() + _twenty_further_tasks()
  raise ValueError(f"CIFAR100.num_tasks must be 10, 20 or 40, not {num_tasks!r}.")


def _twenty_tasks():
  rows: list[tuple[int, ...]] = []
  for position, base in enumerate(_CIRCLE):
    successor = _TEN_TASKS[_CIRCLE[(position + 1) % len(_CIRCLE)]]
    rows.append(_TEN_TASKS[base])
    rows.append(tuple(mine if label % 2 == 0 else theirs
                      for label, (mine, theirs) in enumerate(zip(_TEN_TASKS[base], successor))))
  return tuple(rows)


def _twenty_further_tasks():
  """Ten rows that interleave tasks p and p+5 at labels of one parity, and mixtures of each with the next row."""
  rows = []
  for pair in range(5):
    for parity in range(2):
      couples = zip(_TEN_TASKS[pair][parity::2], _TEN_TASKS[pair + 5][parity::2])
      rows.append(tuple(class_id for couple in couples for class_id in couple))
  mixed = []
  for position, row in enumerate(rows):
    mixed.append(row)
    mixed.append(rows[(position + 1) % len(rows)][:5] + row[5:])
  return tuple(mixed)

"""Facts about the releases' data that do not depend on unseeded draws: label maps, counts, standardisation, resizing.

What was drawn without a seed (which images, which noise) cannot be recomputed; of such arrays only what every draw
obeys is compared. tests/data holds the tests of the streams themselves.
"""

import re

import numpy as np

from lasem_tf.data import pipeline, splits
from lasem_tf.data.readers import image_resizing
from lasem_tf.data.streams import cifar100_tables, office_home, office_home_classes, stl10, stl10_design
from tests.golden_support import comparison, manifest

# Statistics of fake images that nobody can draw again, and images per task that follow from them.
UNSEEDED = re.compile(r"cifar100/channel_mean_std_\w+|cifar100/count_per_class_test|"
                      r"stl10/(test_count|train_channel_mean|train_min_max|noisefree_train_channel_mean)")


def check(fixture: manifest.Fixture) -> comparison.Comparison:
  """Compares every reproducible array and statement."""
  result = comparison.Comparison()
  statements, arrays = fixture.manifest["statements"], fixture.arrays
  _cifar100(statements, arrays, result)
  _standardisation(arrays, result)
  _stl10(statements, arrays, result)
  _office_home(statements, arrays, result)
  result.same_names("arrays compared", result.used & set(arrays),
                    [name for name in arrays if not UNSEEDED.fullmatch(name)])
  return result


def _cifar100(statements, arrays, result):
  rows = cifar100_tables.task_classes(len(arrays["cifar100/label_map_10tasks"]))
  result.equal("cifar100/label_map_10tasks", [list(row) for row in rows], arrays["cifar100/label_map_10tasks"].tolist())
  groups, counts = statements["cifar100_groups"], statements["cifar100_split_counts"]
  requested = groups["requested"]["train"], groups["requested"]["valid"]
  result.true("cifar100: the requested counts are a row of the table",
              requested in cifar100_tables.COUNTS_PER_TASK.values())
  for split, total in zip(("train", "valid"), requested):
    expected = arrays[f"cifar100/count_per_class_{split}"]
    result.equal(f"cifar100/count_per_class_{split}", np.full(expected.shape, total // expected.shape[1]).tolist(),
                 expected.tolist())
  for num_images, expected in ((counts["n_per_class"], (*counts["train"], *counts["valid"])),
                               (500, (groups["split_counts_for_500_per_class"]["train"],
                                      groups["split_counts_for_500_per_class"]["valid"]))):
    result.equal(f"cifar100: pools of {num_images} images", splits.pool_sizes(num_images, "truncated"), expected)
  result.equal("cifar100: tasks of the 20-task stream", len(cifar100_tables.task_classes(20)),
               statements["cifar100_20tasks"]["num_tasks"])


def _standardisation(arrays, result):
  for name in ("", "const_"):
    flat = arrays[f"standardize/{name}in"]
    side = int(np.sqrt(flat.shape[1] // 3))
    images = flat.reshape(-1, side, side, 3)
    statistics = pipeline.channel_statistics([images])
    result.used.add(f"standardize/{name}in")
    # A constant image leaves the releases the rounding error of a float32 mean, hence the floor.
    result.close(f"standardize/{name}out", ((images - statistics.mean) / statistics.scale).reshape(flat.shape),
                 arrays[f"standardize/{name}out"], comparison.VALUE, floor=1.0)


def _stl10(statements, arrays, result):
  facts = statements["stl10_design"]
  classes, noise, channels = (arrays[f"stl10/{name}"] for name in ("classes", "noise", "channel_order"))
  num_tasks, num_classes = classes.shape
  drawn = stl10_design.draw_tasks(num_tasks, num_classes, 0, "stl10")
  for name, tasks in (("recorded", [frozenset(row) for row in classes.tolist()]),
                      ("drawn", [frozenset(task.classes) for task in drawn])):
    result.equal(f"stl10: sets of classes are unique ({name})", len(set(tasks)) == num_tasks,
                 facts["class_sets_unique"])
  steps = stl10_design.NOISE_STEP * np.array(stl10_design.NOISE_MEAN_STEPS), \
      stl10_design.NOISE_STEP * np.array(stl10_design.NOISE_DEVIATION_STEPS)
  for column, allowed in enumerate(steps):
    values = np.nan_to_num(noise[:, column])  # NaN stands for no noise.
    result.true(f"stl10: noise {column} is a step", all(np.isclose(value, allowed).any() for value in values))
  result.used |= {"stl10/classes", "stl10/noise", "stl10/channel_order"}
  num_train, num_validation = stl10_design.images_per_class(facts["per_class_available"], 25, 15)
  result.equal("stl10: usable images of a class", num_train + num_validation, facts["usable_per_class"])
  for split, count in (("train", num_train), ("valid", num_validation)):
    result.equal(f"stl10/{split}_count", [num_classes * count], sorted(set(arrays[f"stl10/{split}_count"].tolist())))
    indices = arrays[f"stl10/{split}_indices_task0_group0"]
    result.equal(f"stl10/{split}_indices_task0_group0", np.repeat(classes[0], count).tolist(), indices[:, 0].tolist())
  labels = statements["stl10_label_map"]["true_class_of_label"]
  result.equal("stl10: label j is class j of the task", np.squeeze(labels, 2).tolist(), classes[:len(labels)].tolist())
  images = np.arange(2 * 3 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 3)
  for order in channels:
    design = stl10_design.TaskDesign((0,), channels=tuple(int(channel) for channel in order))
    result.close("stl10: swapped channels", stl10.transform(images, design, [None, None]),
                 images[..., order] / 255.0 - 0.5,
                 comparison.VALUE)


def _office_home(statements, arrays, result):
  facts, label_map = statements["officehome"], arrays["officehome/label_map"]
  names = list(office_home_classes.CLASS_NAMES)
  result.equal("officehome: order of classes", names, facts["class_list_order"])
  ours = [[domain * len(names) + class_id for class_id in group]
          for domain in range(len(office_home_classes.DOMAINS)) for group in office_home_classes.GROUPS]
  result.equal("officehome/label_map", ours, label_map.tolist())
  result.used.add("officehome/images_per_class")
  for split, short in (("train", "train"), ("validation", "valid"), ("test", "test")):
    counts = [sum(office_home.split_sizes(int(arrays["officehome/images_per_class"][value % len(names)]))[split]
                  for value in row) for row in label_map]
    result.equal(f"officehome/{short}_count", counts, arrays[f"officehome/{short}_count"].tolist())
  for name in (name for name in arrays if name.startswith("officehome/resize_out_")):
    size = int(name.rpartition("_")[2])
    result.used.add("officehome/resize_in")
    result.close(name, image_resizing.resize_antialiased(arrays["officehome/resize_in"], size, size), arrays[name],
                 comparison.VALUE)

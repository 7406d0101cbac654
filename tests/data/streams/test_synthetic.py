"""The planted stream: what is shared within a group, what is not, and what alone tells classes apart."""

import itertools

import numpy as np
import pytest

from lasem_tf.data import stream
from lasem_tf.data.streams import synthetic


def make(seed=0, design_seed=0, **bindings):
  return synthetic.Synthetic(stream.StreamContext(seed=seed, design_seed=design_seed), **bindings)


def test_shapes_types_and_labels():
  made = make()
  assert made.num_tasks == 8 and made.display_name == "Synthetic" and made.image_shape == (16, 16, 3)
  assert made.counts() == {"train": [40] * 8, "validation": [40] * 8, "test": [100] * 8}
  for split, per_class in (("train", 10), ("validation", 10), ("test", 25)):
    loaded = made.load(5, split)
    assert loaded.images.shape == (4 * per_class, 16, 16, 3) and loaded.images.dtype == np.float32
    assert loaded.labels.dtype == np.int32 and np.bincount(loaded.labels).tolist() == [per_class] * 4
    np.testing.assert_array_equal(loaded.indices, made.source_indices(5, split))
    assert abs(loaded.images.mean()) < 0.05 and 1.0 < loaded.images.std() < 1.3  # contrast and noise included


def test_indices_of_training_and_validation_images_are_unique():
  made = make(validation_per_class=3)
  indices = np.concatenate([made.source_indices(task, split) for task in range(8) for split in ("train", "validation")])
  assert len(np.unique(indices)) == len(indices) == 8 * 4 * 13


@pytest.mark.parametrize("ingredient, sharing", [("texture_vocabulary", {"texture", "both"}),
                                                 ("arrangements", {"arrangement", "both"})])
def test_groups_share_exactly_what_is_planted(ingredient, sharing):
  made = make()
  values = [getattr(made, ingredient)(task) for task in range(8)]
  for first, second in itertools.combinations(range(8), 2):
    groups = made.tasks[first].details["group"], made.tasks[second].details["group"]
    planted = groups[0] == groups[1] and groups[0] in sharing
    assert np.array_equal(values[first], values[second]) == planted, (ingredient, groups)


def test_textures_have_mean_zero_and_variance_one():
  vocabulary = make().texture_vocabulary(0)
  np.testing.assert_allclose(vocabulary.mean(axis=(1, 2)), 0, atol=1e-12)
  np.testing.assert_allclose(vocabulary.std(axis=(1, 2, 3)), 1)


def test_classes_differ_in_arrangement_only():
  arrangements = make(num_classes=6).arrangements(7)
  assert arrangements.shape == (6, 4, 4)
  for first, second in itertools.combinations(arrangements, 2):
    assert not np.array_equal(first, second)
  assert all(np.bincount(arrangement.ravel()).tolist() == [4] * 4 for arrangement in arrangements)


def test_an_image_shows_its_class():
  """Without noise every cell is a texture of the vocabulary in some phase: the one that the arrangement names."""
  made = make(noise=0.0, replaced_cells=0.0)
  vocabulary, loaded = made.texture_vocabulary(2), made.load(2, "train")
  shifted = np.stack([np.roll(vocabulary, shift, axis=(1, 2)) for shift in itertools.product(range(4), repeat=2)],
                     axis=1)
  image, arrangement = loaded.images[7].astype(np.float64), made.arrangements(2)[loaded.labels[7]]
  for row, column in itertools.product(range(4), repeat=2):
    cell = image[4 * row:4 * row + 4, 4 * column:4 * column + 4]
    match = (shifted * cell).mean(axis=(2, 3, 4)) / cell.std()
    texture, _ = np.unravel_index(match.argmax(), match.shape)
    assert match.max() == pytest.approx(1, abs=1e-6) and texture == arrangement[row, column]
    assert 0.5 <= cell.std() <= 1.5


def test_seeds():
  made, again, trial, design = make(), make(), make(seed=1), make(design_seed=1)
  np.testing.assert_array_equal(made.load(3, "train").images, again.load(3, "train").images)
  assert not np.array_equal(made.load(3, "train").images, trial.load(3, "train").images)
  np.testing.assert_array_equal(made.load(3, "test").images, trial.load(3, "test").images)
  np.testing.assert_array_equal(made.arrangements(3), trial.arrangements(3))
  assert not np.array_equal(made.texture_vocabulary(0), design.texture_vocabulary(0))
  assert made.design_fingerprint == trial.design_fingerprint != design.design_fingerprint
  assert made.data_fingerprint == again.data_fingerprint
  assert len({one.data_fingerprint for one in (made, trial, design)}) == 3


def test_splits_and_tasks_show_different_images():
  made = make(groups=("both", "both"))
  images = [made.load(task, split).images for task in range(2) for split in ("train", "validation")]
  assert all(not np.array_equal(first, second) for first, second in itertools.combinations(images, 2))


def test_sizes_are_parameters():
  made = make(groups=("nothing",), num_classes=3, image_size=24, grid_size=2, train_per_class=2, validation_per_class=1,
              test_per_class=4)
  assert made.load(0, "train").images.shape == (6, 24, 24, 3)
  assert made.counts() == {"train": [6], "validation": [3], "test": [12]}


@pytest.mark.parametrize("bindings, reason", [
    ({"groups": ()}, "Synthetic.groups must be a non-empty list of 'texture', 'arrangement', 'both', 'nothing'"),
    ({"groups": ("textures",)}, "not \\('textures',\\)"),
    ({"groups": "both"}, "Synthetic.groups must be"),
    ({"num_classes": 1}, "Synthetic.num_classes must be between 2 and 20, not 1"),
    ({"num_classes": 4.0}, "num_classes must be a positive integer, not 4.0"),
    ({"image_size": 18}, "grid_size must be a divisor of image_size \\(18\\)"),
    ({"grid_size": 1}, "whose square is a multiple of 4, not 1"),
    ({"train_per_class": 0}, "train_per_class must be a positive integer, not 0"),
    ({"replaced_cells": 1.5}, "replaced_cells must be a number from 0 to 1.0, not 1.5"),
    ({"noise": "0.3"}, "noise must be a number"),
])
def test_bad_bindings(bindings, reason):
  with pytest.raises(ValueError, match=reason):
    make(**bindings)

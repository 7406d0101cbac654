"""The stream of planted layers: which rules tasks have in common, and that images follow them."""

import numpy as np
import pytest

from lasem_tf.data import stream
from lasem_tf.data.streams import hierarchy

BITS = ("111", "011", "101", "110", "111")


def make(seed=0, design_seed=0, configurations=BITS, **bindings):
  bindings = {"first_train_images": 60, "train_images": 20, "validation_images": 8,
              "test_images": 12, **bindings}
  return hierarchy.Hierarchy(stream.StreamContext(seed=seed, design_seed=design_seed), configurations, **bindings)


def test_shapes_types_and_labels():
  made = make()
  assert made.counts() == {"train": [60] + [20] * 4, "validation": [8] * 5, "test": [12] * 5}
  loaded = made.load(0, "train")
  assert made.image_shape == loaded.images.shape[1:] == (16, 16, 3) and loaded.images.dtype == np.float32
  assert loaded.labels.dtype == np.int32 and np.bincount(loaded.labels).tolist() == [15] * 4


def test_every_training_and_validation_image_exists_once():
  made = make()
  indices = np.concatenate([made.source_indices(task, split) for task in range(5) for split in ("train", "validation")])
  assert len(np.unique(indices)) == len(indices) == 60 + 4 * 20 + 5 * 8


def test_tasks_have_the_banks_rules_where_their_bits_say_so():
  made = make()
  for task, bits in enumerate(BITS):
    for level, bit in enumerate(bits):
      assert np.array_equal(made.rules(task, level), made.rules(0, level)) == (bit == "1"), (task, level)


def test_own_rules_differ_between_tasks():
  made = make(configurations=("111", "000", "000"))
  for level in range(3):
    assert not np.array_equal(made.rules(1, level), made.rules(2, level))
  assert not np.array_equal(made.classes(1), made.classes(2))


def test_own_rules_in_between_give_every_piece_another_meaning():
  made = make(configurations=("111", "101"))
  bank, own = (made.rules(task, 1).reshape(4, 2, 4) for task in (0, 1))
  meaning = {tuple(piece): symbol for symbol, pieces in enumerate(bank.tolist()) for piece in pieces}
  for symbol, pieces in enumerate(own.tolist()):
    before = [meaning[tuple(piece)] for piece in pieces]
    assert symbol not in before and len(set(before)) == 2


def test_own_rules_at_the_top_use_other_pieces():
  made = make(configurations=("111", "110"))
  bank, own = ({tuple(piece) for piece in made.rules(task, 2).reshape(8, 4).tolist()} for task in (0, 1))
  assert len(bank) == len(own) == 8 and not bank & own


def test_an_image_decodes_to_its_class():
  """Without noise, reading pixels, pieces and squares by the rules leads to the label."""
  made = make(noise=0.0)
  for task in (1, 2):
    loaded = made.load(task, "test")
    for image, label in zip(loaded.images, loaded.labels):
      written = image
      for level in range(3):
        rules = made.rules(task, level)
        side = len(written) // 2
        written = np.array([[_symbol(rules, written[2 * row:2 * row + 2, 2 * column:2 * column + 2])
                             for column in range(side)] for row in range(side)])
      assert (made.classes(task)[label] == written).all(axis=(1, 2)).any()


def _symbol(rules, piece):
  found = [symbol for symbol, pieces in enumerate(rules) if any(np.array_equal(piece, other) for other in pieces)]
  assert len(found) == 1
  return found[0]


def test_seeds_draw_images_and_design_seeds_draw_rules():
  first, other, redesigned = make(), make(seed=1), make(design_seed=1)
  assert first.design_fingerprint == other.design_fingerprint != redesigned.design_fingerprint
  assert first.data_fingerprint != other.data_fingerprint
  assert not np.array_equal(first.load(1, "train").images, other.load(1, "train").images)
  np.testing.assert_array_equal(first.load(1, "test").images, other.load(1, "test").images)
  assert not np.array_equal(first.rules(0, 0), redesigned.rules(0, 0))


def test_the_declared_configurations_are_in_details_and_protocol():
  made = make()
  assert [task.best_configuration for task in made.tasks] == list(BITS)
  assert made.protocol["best_configuration"] == list(BITS)


@pytest.mark.parametrize("bindings, message", [
    ({"configurations": ("011", "111")}, "first entry is all ones"),
    ({"configurations": ("111", "11")}, "one bit a level"), ({"configurations": ("121",)}, "one bit a level"),
    ({"train_images": 0}, "Hierarchy.train_images"), ({"noise": -1.0}, "Hierarchy.noise"),
    ({"num_synonyms": 4}, "less than num_symbols"), ({"num_classes": 200}, "Hierarchy.num_classes")])
def test_values_that_do_not_fit_are_refused(bindings, message):
  with pytest.raises(ValueError, match=message):
    make(**bindings)

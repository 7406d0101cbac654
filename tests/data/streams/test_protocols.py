"""Protocol choices: set by one word, overridden one by one, recorded."""

import pytest

from lasem_tf.data.streams import protocols

CHOICES = {"normalization": {"clean": "train", "reference": "per_split"},
           "selection": {"clean": "per_trial", "reference": "fixed"}}


def test_protocol_sets_all_choices():
  assert protocols.resolve("clean", CHOICES, {}) == {
      "protocol": "clean", "normalization": "train", "selection": "per_trial"}
  assert protocols.resolve("reference", CHOICES, {"selection": None}) == {
      "protocol": "reference", "normalization": "per_split", "selection": "fixed"}


def test_one_choice_can_be_overridden():
  resolved = protocols.resolve("clean", CHOICES, {"normalization": "per_split"})
  assert resolved == {"protocol": "clean", "normalization": "per_split", "selection": "per_trial"}


def test_unknown_values_are_refused():
  with pytest.raises(ValueError, match="protocol must be one of 'clean', 'reference', not 'Clean'"):
    protocols.resolve("Clean", CHOICES, {})
  with pytest.raises(ValueError, match="normalization must be one of 'per_split', 'train'.*'none'"):
    protocols.resolve("clean", CHOICES, {"normalization": "none"})

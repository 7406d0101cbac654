"""The choice of the epoch whose test accuracy a visit reports."""

import json

import numpy as np
import pytest

from lasem_tf.training import best_epoch


def test_the_first_of_the_best_epochs_counts():
  best = best_epoch.BestEpochs()
  for epoch, validation in enumerate((0.5, 0.6, 0.6, 0.4)):
    if best.improves("train", validation):
      best.record("train", validation, epoch, {"weight": np.array(epoch)})
  assert best.awaits_test("train") and best.weights == {"weight": np.array(1)}
  assert best.record_test("train", 0.2).global_epoch == 1
  assert best.test_accuracy() == 0.2 and not best.weights and not best.awaits_test("train")


def test_phases_compete_unless_one_is_named():
  best = best_epoch.BestEpochs()
  for phase, validation, test in (("a", 0.5, 0.1), ("b", 0.4, 0.9), ("b", 0.5, 0.7)):
    assert best.improves(phase, validation)
    best.record(phase, validation, 0, {})
    best.record_test(phase, test)
  best = best_epoch.BestEpochs.from_json(json.loads(json.dumps(best.to_json())), {})
  assert (best.test_accuracy(), best.test_accuracy("b")) == (0.1, 0.7)
  with pytest.raises(ValueError, match="phase 'c', but only trained in a, b"):
    best.test_accuracy("c")


def test_a_phase_that_has_not_ended_has_no_test_accuracy():
  best = best_epoch.BestEpochs()
  best.record("a", 0.5, 1, {})
  with pytest.raises(RuntimeError, match="has not ended"):
    best.test_accuracy()

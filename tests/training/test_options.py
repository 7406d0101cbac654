"""Options that make no sense are refused by name."""

import pytest

from lasem_tf.training.options import TrainingOptions


@pytest.mark.parametrize("field, value", [("batch_size", 0), ("batch_size", 2.5), ("epochs_per_task", True),
                                          ("eval_every", -1), ("learning_rate", 0.0), ("learning_rate", float("nan")),
                                          ("learning_rate_decay", -0.1), ("checkpoint_seconds", float("inf")),
                                          ("curve_splits", ("tests",))])
def test_options_are_checked(field, value):
  with pytest.raises(ValueError, match=f"`{field}`"):
    TrainingOptions(**{"batch_size": 4, "epochs_per_task": 1, "learning_rate": 0.1, field: value})

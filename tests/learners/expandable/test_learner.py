"""The phases of a visit: their order, and what each may touch and promises to old tasks."""

import logging

import numpy as np
import pytest

from lasem_tf.learners.expandable import phases, structure
from tests.learners import growing_support as support
from tests.learners.expandable.visits import ALWAYS, begin, edit, learn, make_learner, NEVER, phases_of, to_phase

# --- order of the phases ----------------------------------------------------------------------------------------------


def test_first_task_is_one_sparse_phase():
  learner = make_learner(shrink=phases.Shrinkage(l1=2.0, l1_limit=None))
  begin(learner, 0, 0)
  phase = learner.next_phase(0)
  assert (phase.name, phase.num_epochs) == ("train", 4) and set(phase.trained) == set(learner.variables())
  support.run_phase(learner, phase)
  assert learner.next_phase(1) is None
  values = support.values(learner)
  assert 0.2 < np.mean([np.mean(value == 0) for name, value in values.items() if name.endswith("kernel")]) < 1.0
  assert not any(np.any(value == 0) for name, value in values.items() if name.endswith("bias"))


@pytest.mark.parametrize("num_epochs, loss_threshold, expected", [
    (10, ALWAYS, [("head", 1), ("selective", 3), ("expansion", 3), ("split_retrain", 3)]),
    (10, NEVER, [("head", 1), ("selective", 3), ("split_retrain", 6)]),
    (3, ALWAYS, [("head", 1), ("selective", 1), ("expansion", 1), ("split_retrain", 0)]),
    (2, ALWAYS, [("head", 1), ("selective", 0), ("expansion", 1), ("split_retrain", 0)]),
    (2, NEVER, [("head", 1), ("selective", 0), ("split_retrain", 1)]),
    (1, ALWAYS, [("head", 1), ("selective", 0), ("split_retrain", 0)])])
def test_phases_of_a_further_task(num_epochs, loss_threshold, expected):
  learner = make_learner(num_epochs, loss_threshold=loss_threshold)
  learn(learner, 0)
  begin(learner, 1, 1)
  assert phases_of(learner) == expected
  learner.end_visit()


def test_the_mean_training_loss_decides():
  learner = make_learner()
  learn(learner, 0)
  begin(learner, 1, 1)
  loss = learner.training_loss()
  images, labels = learner.task.train
  logits = learner.logits(images, 1).numpy().astype(np.float64)
  reference = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels])
  assert loss == pytest.approx(reference, rel=1e-5)


# --- what each phase may touch ----------------------------------------------------------------------------------------


def test_head_phase_changes_the_new_head_only():
  learner = make_learner()
  learn(learner, 0)
  begin(learner, 1, 1)
  phase = learner.next_phase(0)
  assert set(phase.trained) == {"task1/head/dense1/kernel", "task1/head/dense1/bias"}
  old = support.logits_of(learner, 0)
  support.check_touches_only_declared(learner, phase)
  np.testing.assert_array_equal(support.logits_of(learner, 0), old)


def test_selective_phase_changes_the_selected_sub_network_only():
  learner = make_learner(shrink=phases.Shrinkage(l1=0.0))
  learn(learner, 0)
  begin(learner, 1, 1)
  support.run_phase(learner, learner.next_phase(0))
  # The new head reads dense units 0 and 1; only channels 0 and 2 reach them, and only channel 3 of the layer below.
  variables = learner.variables()
  edit(variables["task1/head/dense1/kernel"], np.s_[2:], 0.0)
  boundary = variables["shared/dense0/kernel"].numpy().reshape(9, 5, 6)
  boundary[:, [1, 3, 4], :2] = 0.0
  variables["shared/dense0/kernel"].assign(boundary.reshape(45, 6))
  edit(variables["shared/conv1/kernel"], np.s_[:, :, :3, [0, 2]], 0.0)
  before = support.values(learner)
  phase = learner.next_phase(1)
  assert phase.name == "selective"
  support.run_phase(learner, phase)
  changed = {name: value != before[name] for name, value in support.values(learner).items()}
  assert np.flatnonzero(changed["shared/conv0/kernel"].any(axis=(0, 1, 2))).tolist() == [3]
  assert np.flatnonzero(changed["shared/conv1/kernel"].any(axis=(0, 1, 2))).tolist() == [0, 2]
  assert np.flatnonzero(changed["shared/conv1/kernel"].any(axis=(0, 1, 3))).tolist() == [3]
  dense = changed["shared/dense0/kernel"].reshape(9, 5, 6)
  assert np.flatnonzero(dense.any(axis=(0, 1))).tolist() == [0, 1]
  assert np.flatnonzero(dense.any(axis=(0, 2))).tolist() == [0, 2]
  assert np.flatnonzero(changed["shared/dense0/bias"]).tolist() == [0, 1]
  assert np.flatnonzero(changed["task1/head/dense1/kernel"].any(axis=1)).tolist() == [0, 1]
  assert not changed["task0/head/dense1/kernel"].any() and not changed["task0/head/dense1/bias"].any()


def test_selective_phase_leaves_a_task_alone_whose_units_are_not_selected():
  learner = make_learner(shrink=phases.Shrinkage(l1=0.0))
  learn(learner, 0)
  # Task 0 keeps the first half of every layer to itself.
  learner._state.visible[0] = [mask & (np.arange(len(mask)) < len(mask) // 2) for mask in learner.visible_units(0)]
  begin(learner, 1, 1)
  learner._state.visible[1] = [np.arange(len(mask)) >= len(mask) // 2 for mask in learner.visible_units(1)]
  old = support.logits_of(learner, 0)
  support.run_phase(learner, learner.next_phase(0))
  phase = learner.next_phase(1)
  before = support.values(learner)
  support.run_phase(learner, phase)
  assert np.any(support.values(learner)["shared/conv0/kernel"] != before["shared/conv0/kernel"])
  np.testing.assert_array_equal(support.logits_of(learner, 0), old)


def test_an_empty_head_selects_everything_and_says_so(caplog):
  learner = make_learner(shrink=phases.Shrinkage(l1=100.0, l1_limit=None), loss_threshold=NEVER)
  learn(learner, 0)
  begin(learner, 1, 1)
  support.run_phase(learner, learner.next_phase(0))
  with caplog.at_level(logging.WARNING, logger="absl"):
    learner.next_phase(1)
  assert "no connection of the new head is left" in caplog.text
  assert learner.structure()["progress"]["report"]["selected_fraction"] == [1.0, 1.0, 1.0]


def test_expansion_changes_new_entries_and_the_new_head_only():
  learner = make_learner(shrink=phases.Shrinkage(l1=0.2, group=0.0))
  learn(learner, 0)
  begin(learner, 1, 1)
  phase, _ = to_phase(learner, "expansion")
  before, old = support.values(learner), support.logits_of(learner, 0)
  assert before["shared/conv0/kernel"].shape == (3, 3, 2, 6) and before["shared/dense0/kernel"].shape == (9 * 7, 8)
  np.testing.assert_array_equal(before["shared/conv0/bias"][4:], 0.0)
  support.check_touches_only_declared(learner, phase)
  after = support.values(learner)
  np.testing.assert_array_equal(after["shared/conv0/kernel"][..., :4], before["shared/conv0/kernel"][..., :4])
  np.testing.assert_array_equal(after["shared/conv1/kernel"][..., :4, :5], before["shared/conv1/kernel"][..., :4, :5])
  for name, old_width in (("shared/conv0", 4), ("shared/conv1", 5), ("shared/dense0", 6)):
    np.testing.assert_array_equal(after[f"{name}/bias"][:old_width], before[f"{name}/bias"][:old_width])
  np.testing.assert_array_equal(after["shared/dense0/kernel"].reshape(9, 7, 8)[:, :5, :6],
                                before["shared/dense0/kernel"].reshape(9, 7, 8)[:, :5, :6])
  from_new_to_old = [values["shared/conv1/kernel"][..., 4:, :5] for values in (before, after)]
  assert np.all(np.any(from_new_to_old[0] != from_new_to_old[1], axis=(0, 1)))
  np.testing.assert_array_equal(support.logits_of(learner, 0), old)


def test_expansion_itself_does_not_move_old_logits():
  learner = make_learner()
  learn(learner, 0)
  begin(learner, 1, 1)
  phase, completed = to_phase(learner, "selective")
  support.run_phase(learner, phase)
  old = support.logits_of(learner, 0)
  assert learner.next_phase(completed + 1).name == "expansion"
  np.testing.assert_array_equal(support.logits_of(learner, 0), old)


@pytest.mark.parametrize("group, kept", [(1000.0, 0), (0.0, 2)])
def test_pruned_groups_are_exactly_zero_and_removed(group, kept):
  learner = make_learner(shrink=phases.Shrinkage(l1=0.0, group=group),
                         splitting=structure.Splitting("distance", 1e9, 1e9))
  learn(learner, 0)
  begin(learner, 1, 1)
  phase, completed = to_phase(learner, "expansion")
  support.run_phase(learner, phase)
  values = support.values(learner)
  new = values["shared/conv1/kernel"][..., 5:], values["shared/conv1/bias"][5:]
  assert all(np.any(part) != (kept == 0) for part in new)
  before, old = support.logits_of(learner, 1), support.logits_of(learner, 0)
  learner.next_phase(completed + 1)
  np.testing.assert_allclose(support.logits_of(learner, 1), before, atol=1e-5)
  np.testing.assert_array_equal(support.logits_of(learner, 0), old)
  summary_widths = learner.structure()["network"]["widths"]
  assert summary_widths == [4 + kept, 5 + kept, 6 + kept]
  assert learner.variables()["task1/head/dense1/kernel"].shape == (6 + kept, 3)
  assert learner.variables()["task0/head/dense1/kernel"].shape == (6, 3)


def test_split_restores_old_units_for_old_tasks_and_keeps_the_new_logits():
  learner = make_learner(splitting=structure.Splitting("distance", 0.0, 0.0, None, None), loss_threshold=NEVER)
  learn(learner, 0)
  begin(learner, 1, 1)
  snapshot, original = support.values(learner), support.logits_of(learner, 0)
  phase, completed = to_phase(learner, "selective")
  support.run_phase(learner, phase)
  assert np.any(support.logits_of(learner, 0) != original)
  new = support.logits_of(learner, 1)
  learner.next_phase(completed + 1)
  np.testing.assert_allclose(support.logits_of(learner, 1), new, atol=1e-5)
  np.testing.assert_array_equal(support.logits_of(learner, 0), original)
  values = support.values(learner)
  np.testing.assert_array_equal(values["shared/conv1/kernel"][..., :4, :5], snapshot["shared/conv1/kernel"])
  np.testing.assert_array_equal(values["shared/conv1/bias"][:5], snapshot["shared/conv1/bias"])
  assert learner.structure()["progress"]["report"]["split_units"] == [4, 5, 6]


def test_nothing_is_forgotten_when_every_moved_unit_is_split():
  learner = make_learner(splitting=structure.Splitting("distance", 0.0, 0.0, None, None), retrain_scope="new")
  learn(learner, 0)
  first = support.logits_of(learner, 0)
  learn(learner, 1)
  second = support.logits_of(learner, 1)
  np.testing.assert_array_equal(support.logits_of(learner, 0), first)
  learn(learner, 2)
  np.testing.assert_array_equal(support.logits_of(learner, 0), first)
  np.testing.assert_array_equal(support.logits_of(learner, 1), second)


@pytest.mark.parametrize("visibility", ["replace", "stamp"])
def test_last_phase_with_scope_new_leaves_old_logits_alone(visibility):
  learner = make_learner(visibility=visibility, retrain_scope="new")
  learn(learner, 0)
  begin(learner, 1, 1)
  phase, _ = to_phase(learner, "split_retrain")
  old, new = support.logits_of(learner, 0), support.logits_of(learner, 1)
  support.run_phase(learner, phase)
  np.testing.assert_array_equal(support.logits_of(learner, 0), old)
  assert np.any(support.logits_of(learner, 1) != new)


@pytest.mark.parametrize("visibility", ["replace", "stamp"])
def test_last_phase_with_scope_all_trains_all_units_that_the_task_sees(visibility):
  learner = make_learner(visibility=visibility)
  learn(learner, 0)
  begin(learner, 1, 1)
  phase, _ = to_phase(learner, "split_retrain")
  before = support.values(learner)
  support.check_touches_only_declared(learner, phase)
  assert not any(name.startswith("task0/") for name in phase.trained)
  changed = support.values(learner)["shared/conv0/bias"] != before["shared/conv0/bias"]
  np.testing.assert_array_equal(changed, learner.visible_units(1)[0])

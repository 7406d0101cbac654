"""The learner over several tasks: who sees which units, revisits, growth, resume, options."""

import numpy as np
import pytest

from lasem_tf.learners import expandable
from lasem_tf.learners.expandable import structure
from tests.learners import growing_support as support
from tests.learners.expandable.visits import ALWAYS, begin, edit, learn, make_learner, NEVER, phases_of, to_phase

# --- time stamps ------------------------------------------------------------------------------------------------------


def test_a_task_never_sees_units_that_are_newer():
  learner = make_learner()
  learn(learner, 0, 1)
  seen = learner.visible_units(0), learner.visible_units(1)
  old = support.logits_of(learner, 0), support.logits_of(learner, 1)
  learn(learner, 2)
  for task_id in (0, 1):
    for now, then in zip(learner.visible_units(task_id), seen[task_id]):
      np.testing.assert_array_equal(now, then)
  assert len(learner.visible_units(2)[0]) > len(seen[0][0])
  # Whatever is only the last task's may become anything.
  exclusive = learner._state.exclusive_units(2)
  weights = learner.variables()
  now = support.logits_of(learner, 0), support.logits_of(learner, 1)
  assert any(mask.any() for mask in exclusive)
  edit(weights["shared/conv0/kernel"], np.s_[..., exclusive[0]], 100.0)
  edit(weights["shared/conv1/kernel"], np.s_[..., exclusive[0], :], 100.0)
  edit(weights["shared/dense0/bias"], exclusive[2], 100.0)
  for task_id in (0, 1):
    np.testing.assert_array_equal(support.logits_of(learner, task_id), now[task_id])
    assert old[task_id].shape == now[task_id].shape


def test_replace_starts_from_what_the_task_before_saw():
  learner = make_learner(splitting=structure.Splitting("distance", 0.0, 0.0, None, None))
  learn(learner, 0, 1)
  assert not all(mask.all() for mask in learner.visible_units(1))
  begin(learner, 2, 2)
  for started, seen in zip(learner.visible_units(2), learner.visible_units(1)):
    np.testing.assert_array_equal(started, seen)


def test_stamp_starts_from_all_units():
  learner = make_learner(visibility="stamp", splitting=structure.Splitting("distance", 0.0, 0.0, None, None))
  learn(learner, 0, 1)
  begin(learner, 2, 2)
  assert all(mask.all() for mask in learner.visible_units(2))
  assert all(mask.all() for mask in learner.visible_units(1))


# --- revisits, growth, resume, options --------------------------------------------------------------------------------


def test_revisit_trains_what_the_task_sees_and_nothing_grows():
  learner = make_learner(retrain_scope="new")
  learn(learner, 0, 1)
  size, old = learner.num_parameters(), support.logits_of(learner, 0)
  before = support.logits_of(learner, 1)
  begin(learner, 1, 2)
  assert phases_of(learner) == [("revisit", 4)]
  learner.end_visit()
  assert learner.num_parameters() == size
  seen = [np.packbits(np.concatenate(learner.visible_units(task_id))) for task_id in (0, 1)]
  assert learner.memory_floats() == sum(map(len, seen)) / 4 > 0
  np.testing.assert_array_equal(support.logits_of(learner, 0), old)
  assert np.any(support.logits_of(learner, 1) != before)
  assert not any(name.startswith("snapshot/") for name in learner.variables())


def test_revisit_of_the_only_task():
  learner = make_learner()
  learn(learner, 0)
  begin(learner, 0, 1)
  assert phases_of(learner) == [("revisit", 4)]
  learner.end_visit()


def test_summary_reports_growth():
  learner = make_learner()
  sizes = [0]
  for visit in range(3):
    summary = support.run_visit(learner, visit, visit)
    sizes.append(learner.num_parameters())
  assert sizes == sorted(set(sizes))
  details = summary.details
  assert details["expanded"] is True and details["loss_before_expansion"] > 0
  assert set(details) >= {"selected_fraction", "added_units", "pruned_units", "split_units", "widths", "mean_drift"}
  assert details["stored_parameters"] >= learner.num_parameters()
  assert details["stored_parameters"] == sum(
      variable.shape.num_elements() for variable in learner.variables().values())
  assert learner.forward_macs(2) >= learner.forward_macs(0)


@pytest.mark.parametrize("options", [
    {}, {"visibility": "stamp", "splitting": structure.Splitting("distance", 0.0, 0.0)}, {"loss_threshold": NEVER}])
def test_resume_in_every_phase_is_bit_identical(options):
  support.check_resume(lambda: make_learner(8, **options), 1, lambda learner: learn(learner, 0))


def test_resume_of_a_revisit_is_bit_identical():
  support.check_resume(make_learner, 0, lambda learner: learn(learner, 0, 1))


def test_dropout_and_a_network_without_hidden_layer():
  context = support.make_context(support.tiny_spec(dense_sizes=(), dropout_keep_probability=0.5))
  learner = expandable.ExpandableNetwork(context, num_new_units=1, loss_threshold=ALWAYS)
  for task_id in range(2):
    support.run_visit(learner, task_id, task_id)
    np.testing.assert_array_equal(support.logits_of(learner, 0), support.logits_of(learner, 0))
  assert learner.variables()["task1/head/dense0/kernel"].shape[0] % 9 == 0


def test_old_graphs_are_outdated_whenever_shapes_change():
  learner = make_learner()
  learn(learner, 0)
  begin(learner, 1, 1)
  phase, completed = to_phase(learner, "selective")
  version = learner.network_version(0)
  support.run_phase(learner, phase)
  assert learner.network_version(0) == version
  learner.next_phase(completed + 1)
  assert learner.network_version(0) > version


def test_default_number_of_new_units_is_half_the_first_layer():
  for stream, expected in (("cifar100", 16), ("office_home", 32), ("stl10", 16)):
    assert expandable.ExpandableNetwork(support.context_of_stream(stream))._num_new == expected


@pytest.mark.parametrize("options, match", [
    ({"visibility": "all"}, "visibility"), ({"retrain_scope": "old"}, "retrain_scope"),
    ({"phase_shares": (0.5, 0.5)}, "phase_shares"), ({"phase_shares": (0.5, 0.5, 0.5, 0.0)}, "phase_shares")])
def test_options_are_checked(options, match):
  with pytest.raises(ValueError, match=match):
    make_learner(**options)

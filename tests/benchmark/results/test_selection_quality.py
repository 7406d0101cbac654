"""Measures of searches from records: what they find, on what they depend, and what is not known."""

import dataclasses
import json

import pytest

from benchmark.results import certificates, run_details, selection_quality
from benchmark.results.record_schema import RecordError
from tests.benchmark import synthetic_records
from tests.benchmark.results import planted_records
from tests.benchmark.results.planted_records import record

WRONG = ("111", "111", "011")  # Task 1: two of three right; task 2: none of two.


@pytest.fixture(autouse=True)
def fixture_certificate(tmp_path, monkeypatch):
  planted_records.certify(tmp_path, monkeypatch)


def _suite():
  finals = {"random_hps": (.4, .6, .5), "planted_hps": (.8, .9, .7), "lasem_hps": (.6, .8, .6), "stl": (.5, .5, .5)}
  shifts = {0: 0.0, 1: .02, 2: -.01}
  chosen = {"lasem_hps": WRONG}
  return [record(learner, seed, [value + shifts[seed] + .01 * seed * (learner == "lasem_hps") for value in values],
                 chosen.get(learner, ("111", "011", "101")))
          for learner, values in finals.items() for seed in shifts]


def _variant(run, rate):
  return dataclasses.replace(run, identity=run.identity.replace(run.learner, f"{run.learner}[rate={rate}]"))


def test_quality_of_a_search_by_hand():
  found = {each.learner: each for each in selection_quality.qualities(_suite(), {})}
  assert set(found) == {"random_hps", "lasem_hps"}
  lasem = found["lasem_hps"]
  assert lasem.num_runs == 3 and lasem.recovery.mean == pytest.approx(2 / 5) and lasem.recovery.half_width == 0
  # Means over tasks: planted 0.8, LASEM 2/3 + 0.01 seed, random 0.5; seeds shift all alike.
  assert lasem.regret.mean == pytest.approx(.8 - 2 / 3 - .01)
  assert lasem.skill.value == pytest.approx((2 / 3 + .01 - .5) / .3) and lasem.reference == "planted_hps"
  assert found["random_hps"].skill.value == 0 and lasem.agreement == 1.0
  assert lasem.decision_epoch is None


def test_variants_have_controls_and_may_be_controls():
  """As in an ablation, where the searches are variants, and in a tuned suite, where everything is."""
  plain = {each.learner: each for each in selection_quality.qualities(_suite(), {})}["lasem_hps"]
  for varied in (("lasem_hps",), ("random_hps", "planted_hps", "lasem_hps")):
    runs = [_variant(run, .1) if run.learner in varied else run for run in _suite()]
    found = {each.learner: each for each in selection_quality.qualities(runs, {})}["lasem_hps[rate=0.1]"]
    assert (found.recovery, found.regret, found.skill, found.reference) == (
        plain.recovery, plain.regret, plain.skill, plain.reference)


def test_of_several_variants_of_a_control_none_is_taken_but_the_plain_one():
  runs = _suite()
  doubled = [_variant(run, rate) for run in runs if run.learner == "planted_hps" for rate in (.1, .2)]
  searched = [run for run in runs if run.learner != "planted_hps"]
  assert {each.learner: each for each in selection_quality.qualities(searched + doubled, {})}["lasem_hps"].skill is None
  assert {each.learner: each for each in selection_quality.qualities(runs + doubled, {})}["lasem_hps"].skill is not None


def test_recovery_by_kind_of_task_and_layer():
  runs = [each for each in _suite() if each.learner == "lasem_hps"]
  assert selection_quality.hit_shares(runs) == {("011", 0): 0, ("011", 1): 1, ("011", 2): 1, ("101", 0): 0,
                                                ("101", 1): 0}


def test_a_coin_and_always_sharing_have_their_values():
  truth = selection_quality.declared(_suite()[0])
  assert truth.always_share == pytest.approx(3 / 5) and truth.kinds == ["111", "011", "101"]


def test_where_nothing_is_declared_the_exhaustive_search_is_the_reference():
  learners = {"random_hps": .5, "exhaustive_hps": .7, "lasem_hps": .6}
  runs = [synthetic_records.record("s", learner, seed, rows=[[value + .01 * seed]], peaks=[value])
          for learner, value in learners.items() for seed in range(3)]
  found = {each.learner: each for each in selection_quality.qualities(_with_bits(runs), {})}
  assert found["lasem_hps"].reference == "exhaustive_hps" and found["lasem_hps"].skill.value == pytest.approx(.5)
  assert found["lasem_hps"].recovery is None and found["lasem_hps"].regret is None


def test_without_a_certificate_nothing_is_scored():
  runs = [dataclasses.replace(run, result={**run.result, "stream": {**run.result["stream"], "design_fingerprint": "x"}})
          for run in _suite()]
  found = {each.learner: each for each in selection_quality.qualities(runs, {})}["lasem_hps"]
  assert found.recovery is None and found.skill is None and found.regret.mean > 0
  assert selection_quality.hit_shares(runs) == {}


def test_tasks_that_no_run_visits_are_not_scored():
  runs = [synthetic_records.record("planted", "lasem_hps", seed, rows=[[.5, None, None], [.5, .5, None]],
                                   peaks=[.5, .5], task_order=[0, 1]) for seed in (0, 1)]
  for run in runs:
    run.result["configurations"] = ["111", "111", None]
    run.result["stream"]["protocol"] = {"best_configuration": list(planted_records.BEST)}
  (found,) = selection_quality.qualities(runs, {})
  assert found.recovery.mean == pytest.approx(2 / 3)  # Of task 1, as task 0 has no decision and task 2 no network.
  assert selection_quality.hit_shares(runs) == {("011", 0): 0, ("011", 1): 1, ("011", 2): 1}


def test_a_network_of_other_layers_than_declared_is_not_scored():
  runs = [record("lasem_hps", seed, configurations=("1111", "0111", "1011")) for seed in (0, 1)]
  (found,) = selection_quality.qualities(runs, {})
  assert found.recovery is None and found.agreement == 1.0 and selection_quality.declared(runs[0]) is None


def test_runs_of_other_tasks_do_not_agree_or_disagree():
  shorter = record("lasem_hps", 1, finals=(.9, .8), configurations=("111", "011"))
  (found,) = selection_quality.qualities([record("lasem_hps"), shorter], {})
  assert found.agreement is None and found.num_runs == 2


@pytest.mark.parametrize("decided", [5, ["01", "0"], ["x"], []])
def test_a_damaged_certificate_is_named(decided, tmp_path, monkeypatch):
  content = {"design_fingerprint": "design0", "knowledge": "hps", "decided": decided, "problems": []}
  (tmp_path / "odd").mkdir()
  (tmp_path / "odd" / "some.json").write_text(json.dumps(content))
  monkeypatch.setattr(certificates, "FOLDER", tmp_path / "odd")
  with pytest.raises(RecordError, match="some.json is no certificate"):
    certificates.decided("design0", "hps")


def _with_bits(runs):
  return [dataclasses.replace(run, result={**run.result, "configurations": ["1010"]}) for run in runs]


def test_decisions_are_read_from_the_recorded_prior():
  run = record("lasem_hps")
  # Epoch 2 of the first visit was left out.
  epochs = {"visit": [0, 0, 1, 1, 1], "global_epoch": [1, 3, 4, 5, 6],
            "prior": [[.6, .4], [.3, .7], [.9, .1], [.9, .1], None]}
  details = {run.identity: run_details.RunDetails("", "", epochs)}
  (found,) = selection_quality.qualities([run], details)
  assert found.decision_epoch == pytest.approx((3 + 1) / 2) and found.decision_mass == pytest.approx((.7 + .9) / 2)

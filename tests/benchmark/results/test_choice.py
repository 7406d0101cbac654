"""The records of trials choose by validation accuracy alone, whatever their order; nothing is chosen too early."""

import dataclasses

import pytest

from benchmark.results import choice
from benchmark.results.record_schema import RecordError
from tests.benchmark import synthetic_records

_LEARNERS = ("ewc[strength=1]", "ewc[strength=10]", "ewc[strength=100]")
# By variant: validation accuracy right after learning the first task and after the second, then of the second.
_SCORES = dict(zip(_LEARNERS, [(.60, .40, .60), (.60, .50, .58), (.70, .30, .52)]))


def trial(learner, seed=1000, scores=None, tuning=None, **options):
  """A trial of two tasks; its test accuracies are the opposite of what validation says."""
  first, forgotten, second = scores or _SCORES[learner]
  record = synthetic_records.record(
      "synthetic", learner, seed, "smoke[tuning]", rows=[[1 - first, None], [1 - forgotten, 1 - second]],
      peaks=[.5, .5], **options)
  record.result["validation_accuracy"] = [[first, None], [forgotten, second]] if record.is_completed else None
  record.result["tuning"] = facts() if tuning is None else tuning
  return record


def facts(margin=.02, seeds=(1000,), variants=_LEARNERS):
  return {"protocol": "first_tasks", "num_trials": len(variants), "variants": list(variants), "seeds": list(seeds),
          "num_tasks": 2, "stream": None, "margin": margin}


def test_scores_are_means_over_tasks_and_seeds():
  record = trial(_LEARNERS[0])
  assert choice.tuning_score(record) == pytest.approx((.60, .50))
  twice = facts(seeds=(1000, 1001))
  (made,) = choice.choices([trial(_LEARNERS[0], 1000, tuning=twice), trial(_LEARNERS[0], 1001, (.4, .2, .4), twice)])
  assert made.trials[0].score == pytest.approx((.50, .40)) and made.trials[0].cpu_seconds == 25.0


@pytest.mark.parametrize("margin, chosen", [(.0, 2), (.005, 2), (.02, 1), (.5, 1)])
def test_the_margin_decides_what_final_accuracy_may_decide(margin, chosen):
  """After learning: .60, .59 and .61; in the end: .50, .54 and .41."""
  records = [trial(learner, tuning=facts(margin)) for learner in _LEARNERS]
  for order in (records, records[::-1], records[1:] + records[:1]):
    (made,) = choice.choices(order)
    assert made.chosen.learner == _LEARNERS[chosen] and not made.obstacle
  assert made.to_json()["chosen"] == _LEARNERS[chosen]


@pytest.mark.parametrize("best, at_an_end", [(0, ("STRENGTH",)), (1, ()), (2, ("STRENGTH",))])
def test_a_choice_at_an_end_of_the_grid_is_noted(best, at_an_end):
  records = [trial(learner, scores=(.9, .9, .9) if place == best else (.5, .5, .5))
             for place, learner in enumerate(_LEARNERS)]
  for record, strength in zip(records, ("1.0", "10.0", "100.0")):
    record.result["variant"] = {"STRENGTH": strength, "FORM": "'online'", "RATE": "0.1"}
  assert choice.choices(records)[0].at_an_end == at_an_end


def test_of_equals_the_first_of_the_grid_is_chosen():
  records = [trial(learner, scores=_SCORES[_LEARNERS[0]]) for learner in _LEARNERS]
  assert choice.choices(records[::-1])[0].chosen.learner == _LEARNERS[0]


def test_diverged_trials_count_as_tried_and_failed_or_missing_ones_are_waited_for():
  diverged = trial(_LEARNERS[1], status="diverged", reason="a weight is not finite")
  (made,) = choice.choices([trial(_LEARNERS[0]), diverged, trial(_LEARNERS[2])])
  assert made.chosen.learner == _LEARNERS[0] and made.trials[1].state == "seed 1000 diverged"
  failed = trial(_LEARNERS[1], status="failed", reason="killed")
  for found in ([trial(_LEARNERS[0]), failed, trial(_LEARNERS[2])], [trial(_LEARNERS[0]), trial(_LEARNERS[2])]):
    (made,) = choice.choices(found)
    assert made.chosen is None and made.obstacle == "2 of 3 trials are finished"
  only = facts(variants=_LEARNERS[1:2])
  (made,) = choice.choices([trial(_LEARNERS[1], tuning=only, status="diverged", reason="a weight is not finite")])
  assert made.chosen is None and made.obstacle == "no trial completed"


def test_an_extended_grid_makes_use_of_earlier_trials():
  """The first two trials were recorded when there were no more; an evaluated run knows of the third."""
  evaluated = synthetic_records.record("synthetic", _LEARNERS[2], 0, "smoke")
  evaluated.result["tuning"] = facts()
  earlier = [trial(learner, tuning=facts(variants=_LEARNERS[:2])) for learner in _LEARNERS[:2]]
  (made,) = choice.choices([*earlier, trial(_LEARNERS[2]), evaluated])
  assert [each.learner for each in made.trials] == list(_LEARNERS) and made.chosen.learner == _LEARNERS[1]
  assert choice.split([*earlier, evaluated]) == (earlier, [evaluated])


@pytest.mark.parametrize("evaluated_variant, is_confirmed", [(_LEARNERS[1], True), (_LEARNERS[0], False)])
def test_a_run_that_a_larger_grid_still_chooses_counts_as_tuned_by_it(evaluated_variant, is_confirmed):
  """Two trials when it was trained, three by now, of which the second is the best."""
  evaluated = synthetic_records.record("synthetic", evaluated_variant, 0, "smoke")
  evaluated.result["tuning"] = earlier = facts(variants=_LEARNERS[:2])
  trials = [*(trial(learner, tuning=earlier) for learner in _LEARNERS[:2]), trial(_LEARNERS[2])]
  (made,) = choice.choices([evaluated, *trials])
  assert made.tuning["num_trials"] == (3 if is_confirmed else 2)
  found, (compared,) = choice.split([evaluated, *trials])
  assert found == trials and compared.result["tuning"] == (facts() if is_confirmed else earlier)
  (named,) = choice.compared([evaluated, *trials])
  assert (named.learner, named.recorded_as) == ("ewc" if is_confirmed else evaluated_variant, evaluated.identity)
  assert named.result["tuning"] == compared.result["tuning"]
  assert evaluated.result["tuning"] == earlier and compared.result["accuracy"] == evaluated.result["accuracy"]


def test_a_method_keeps_the_names_of_variants_where_several_were_evaluated():
  chosen, other = (synthetic_records.record("synthetic", learner, 0, "smoke") for learner in _LEARNERS[1::-1])
  for run in (chosen, other):
    run.result["tuning"] = facts()
  trials = [trial(learner) for learner in _LEARNERS]
  assert [run.learner for run in choice.compared([*trials, chosen, other])] == list(_LEARNERS[1::-1])
  assert [run.learner for run in choice.compared([*trials, chosen])] == ["ewc"]


def test_records_without_validation_accuracy_cannot_choose():
  record = trial(_LEARNERS[0])
  record.result["validation_accuracy"] = None
  with pytest.raises(RecordError, match="no validation accuracy, because an older version trained it. Delete"):
    choice.tuning_score(dataclasses.replace(record, source=None))


def test_values_order_trials_as_the_rule_takes_them():
  """Within .02 of .61 lie .60 and .59, by final accuracy; the third has to beat both or is beaten by learning alone."""
  scores = [(.60, .40, .60), (.60, .50, .58), (.70, .30, .52), (.50, .90, .50)]
  names = (*_LEARNERS, "ewc[strength=1000]", "ewc[strength=10000]", "ewc[strength=100000]")
  tuning = facts(variants=names)
  found = [trial(learner, scores=score, tuning=tuning) for learner, score in zip(names, scores)]
  found.append(trial(names[4], scores=scores[0], tuning=tuning, status="diverged", reason="a weight is not finite"))
  (made,) = choice.choices(found)
  assert list(made.values) == list(names[:5]) and not made.is_over
  assert list(made.values.values()) == pytest.approx([.50, .54, .41, -.50, -1.0])
  before = choice.make("synthetic", "ewc", "smoke[tuning]", tuning, [record for record in found if record.learner in
                                                                     (names[0], names[3])])
  assert list(before.values.values()) == pytest.approx([.50, -.50])


def suggested(number, known, space="('log', 1e-05, 0.01)"):
  """What the record of a trial says in a round after which so many of a number of trials are known."""
  return {**facts(variants=_LEARNERS[:known]), "num_trials": number, "sampler": "tpe", "sampler_seed": 0,
          "round_size": 1, "space": {"STRENGTH": space}}


def test_nothing_is_chosen_before_the_last_round_is_over():
  rounds = [trial(learner, tuning=suggested(3, known)) for known, learner in enumerate(_LEARNERS, 1)]
  for known in (1, 2):
    (made,) = choice.choices(rounds[:known])
    assert made.is_over and made.chosen is None and made.obstacle == f"{known} of 3 trials are finished"
  (made,) = choice.choices(rounds[::-1])
  assert made.chosen.learner == _LEARNERS[1] and [each.learner for each in made.trials] == list(_LEARNERS)


@pytest.mark.parametrize("value, at_an_end", [("1.2e-05", ("STRENGTH",)), ("0.0001", ()), ("0.0098", ("STRENGTH",)),
                                              ("text", ()), ("0.0", ()), ("nan", ())])
def test_a_choice_near_an_end_of_its_range_is_noted(value, at_an_end):
  records = [trial(learner, tuning=suggested(3, 3)) for learner in _LEARNERS]
  for record, strength in zip(records, ("1e-05", value, "0.01")):
    record.result["variant"] = {"STRENGTH": strength}
  (made,) = choice.choices(records)
  assert made.chosen.learner == _LEARNERS[1] and made.at_an_end == at_an_end

"""The published worked examples: what they say is what the measures give, and what plain fractions give."""

import dataclasses
import fractions
import json
import math
import pathlib

import pytest

from lasem_tf.metrics import accuracy_matrix, curves, lifelong

KIT = json.loads(pathlib.Path(accuracy_matrix.__file__).with_name("conformance.json").read_text(encoding="utf-8"))
each_case = pytest.mark.parametrize("case", KIT["cases"], ids=lambda case: case["name"])


def _matrix(case):
  return accuracy_matrix.AccuracyMatrix.from_rows(case["after_visit"], case["at_best_validation"], case["task_order"])


def _measured(case) -> dict[str, float]:
  matrix = _matrix(case)
  found = dataclasses.asdict(lifelong.summarise(matrix))
  if "single_task" in case:
    found["forward_transfer"] = lifelong.average_forward_transfer(matrix, _matrix(case["single_task"]))
    found["intransigence"] = lifelong.average_intransigence(matrix, _matrix(case["joint"]))
    curve = [(point["visit"], point["accuracies"]) for point in case["curve"]]
    found["worst_case"] = curves.worst_case_accuracy(matrix, curve)
    course = case["learning_curve"]
    found["learning_curve_area"] = curves.area_under_learning_curve(course["visit"], course["epoch"],
                                                                    course["accuracy"])
  return found


@each_case
def test_every_measure_has_the_published_value(case):
  found = _measured(case)
  assert found.keys() == case["expected"].keys()
  for name, expected in case["expected"].items():
    if expected is None:
      assert math.isnan(found[name]), name
    else:
      assert found[name] == pytest.approx(float(fractions.Fraction(expected)), abs=1e-14), name


@each_case
def test_some_values_again_in_exact_arithmetic(case):
  rows = [[None if value is None else fractions.Fraction(str(value)) for value in row] for row in case["after_visit"]]
  order, last_row = case["task_order"], rows[-1]
  last_visit = [max(visit for visit, task in enumerate(order) if task == own) for own in range(len(last_row))]
  others = [task for task in range(len(last_row)) if task != order[-1]]

  def mean(values):
    return str(sum(values) / len(values)) if values else None

  assert mean(last_row) == case["expected"]["final"]
  assert mean([rows[last_visit[task]][task] for task in range(len(last_row))]) == case["expected"]["learning"]
  assert mean([last_row[task] - rows[last_visit[task]][task] for task in others]
              ) == case["expected"]["backward_transfer"]
  assert mean([max(row[task] for row in rows[last_visit[task]:]) - last_row[task] for task in others]
              ) == case["expected"]["forgetting"]
  assert mean([max(row[task] for row in rows[:-1] if row[task] is not None) - last_row[task] for task in others]
              ) == case["expected"]["forgetting_chaudhry"]


def test_every_measure_is_defined_and_shown_with_a_value():
  shown = {name for case in KIT["cases"] for name, value in case["expected"].items() if value is not None}
  assert shown == set(KIT["measures"])


def test_curves_that_do_not_fit_are_refused():
  matrix = accuracy_matrix.AccuracyMatrix.from_rows([[.5, None], [.5, .5]], [.5, .5])
  with pytest.raises(ValueError, match="in visit 2 of 2 tasks does not fit 2 visits to 2 tasks"):
    curves.worst_case_accuracy(matrix, [(2, [.5, .5])])
  with pytest.raises(ValueError, match="in visit 1 of 1 tasks"):
    curves.worst_case_accuracy(matrix, [(1, [.5])])


def test_worst_case_without_evaluations_within_visits_is_that_of_the_matrix():
  matrix = accuracy_matrix.AccuracyMatrix.from_rows([[.5, None], [.25, .75]], [.5, .5])
  assert curves.worst_case_accuracy(matrix, []) == .5


def test_no_course_has_no_area():
  assert math.isnan(curves.area_under_learning_curve([], [], []))
  assert math.isnan(curves.area_under_learning_curve([0], [1], [None]))

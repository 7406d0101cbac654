"""From visits to the lists of a run."""

import dataclasses
import json

from lasem_tf.metrics import run_result


def _visit(number: int, **changes) -> run_result.VisitResult:
  values = {"accuracies": [0.5, None], "before_commit": None, "at_best_validation": 0.25 * number, "configuration":
            f"{number:02b}", "parameters": 10 * number, "super_network": None, "training_macs_per_image": 3.0,
            "learner_summary": {"visit": number}, "seconds": {"training": 1.0}, "validation_accuracies": [0.75, None]}
  return run_result.VisitResult(**{**values, **changes})


def test_every_visit_and_every_task_has_its_entry():
  visits = [_visit(0), _visit(1, super_network=50), _visit(2, before_commit=[0.75, 0.5], super_network=40)]
  measured = run_result.summarize(visits, task_order=(0, 1, 0), forward_macs=[7, 8])
  assert (measured.status, measured.reason) == ("completed", None)
  assert measured.accuracy == run_result.Accuracies(
      after_visit=[[0.5, None]] * 3, before_commit=[None, None, [0.75, 0.5]], at_best_validation=[0.0, 0.25, 0.5])
  assert measured.configurations == ["10", "01"]  # Of the task's last visit.
  assert measured.parameters == run_result.Parameters(after_visit=[0, 10, 20], super_network=50)
  assert measured.learner_summary == [{"visit": 0}, {"visit": 1}, {"visit": 2}]
  assert (measured.forward_macs_committed, measured.training_macs_per_image) == ([7, 8], [3.0] * 3)


def test_visits_that_did_not_end_are_none():
  measured = run_result.summarize([_visit(1)], (0, 1), [7, None], "diverged", "The loss became nan.")
  assert measured.accuracy == run_result.Accuracies(after_visit=[[0.5, None], [None, None]], before_commit=None,
                                                    at_best_validation=[0.25, None])
  assert measured.configurations == ["01", None] and measured.parameters.after_visit == [10, None]
  assert measured.parameters.super_network is None and measured.learner_summary == [{"visit": 1}, None]


def test_validation_accuracies_are_padded_as_test_accuracies_are():
  measured = run_result.summarize([_visit(0)], (0, 1), [7, None], "diverged", "The loss became nan.")
  assert measured.validation_accuracy == [[0.75, None], [None, None]]


def test_a_run_that_an_older_version_began_has_no_validation_accuracies():
  visits = [_visit(0, validation_accuracies=None), _visit(1)]
  assert run_result.summarize(visits, (0, 1), [7, 8]).validation_accuracy is None


def test_a_run_without_visits_has_empty_lists():
  measured = run_result.summarize([], (), [], "failed", "It ended.")
  content = json.loads(json.dumps(dataclasses.asdict(measured)))
  assert content == {
      "status": "failed", "reason": "It ended.", "configurations": [], "forward_macs_committed": [],
      "training_macs_per_image": [], "learner_summary": [], "parameters": {"after_visit": [], "super_network": None},
      "accuracy": {"after_visit": [], "before_commit": None, "at_best_validation": []},
      "validation_accuracy": [], "over_all_heads": None}

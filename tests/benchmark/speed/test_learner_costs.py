"""What visits cost beside their arithmetic."""

import pytest

from benchmark.speed import learner_costs, markdown


def test_a_visit_is_timed_and_counted():
  # The second task is passed through.
  plain, *others = learner_costs.measure("synthetic", ("lasem_hps", "prognn"), tasks=(1, 3))
  assert (plain.learner, plain.task) == ("stl", 1) and plain.overhead(plain) == 1.0
  assert [(cost.learner, cost.task) for cost in others] == [
      ("stl", 3), ("lasem_hps", 1), ("lasem_hps", 3), ("prognn", 1), ("prognn", 3)]
  assert all(cost.seconds > 0 and cost.compile_seconds > 0 and cost.gmacs > 0 for cost in (plain, *others))
  by_visit = {(cost.learner, cost.task): cost for cost in others}
  assert by_visit["lasem_hps", 1].gmacs > plain.gmacs  # A search costs several networks.
  assert by_visit["prognn", 3].gmacs > by_visit["prognn", 1].gmacs  # Its columns grow.


def test_overhead_is_relative_to_the_plain_network(capsys):
  plain = learner_costs.VisitCost("stl", 1, 2.0, 0.5, 10.0)
  slow = learner_costs.VisitCost("apd", 5, 12.0, 0.5, 20.0)
  assert slow.overhead(plain) == pytest.approx(3.0)
  text = markdown.visit_costs("cifar100", [plain, slow])
  assert "| apd       | 5      | 3.00" in text and "| stl       | 1      | 1.00" in text


def test_a_missed_bar_is_marked():
  plain = learner_costs.VisitCost("stl", 1, 2.0, 0.5, 10.0)
  replay, lwf = (learner_costs.VisitCost(name, 5, seconds, 0.5, 20.0) for name, seconds in (("replay", 4), ("lwf", 5)))
  assert [bar.met for bar in learner_costs.figures([plain, replay, lwf])] == [True, False]
  text = " ".join(markdown.visit_costs("cifar100", [plain, replay, lwf]).split())
  assert "lwf, task 5: overhead | 1.250 | <= 1.10 | **missed** |" in text
  assert "replay, task 5: overhead | 1.000 | <= 1.10 | met |" in text

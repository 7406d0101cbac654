"""How the visits of methods ended, from the recorded course."""

from benchmark.reporting import flatness
from benchmark.results.run_details import RunDetails
from tests.benchmark import synthetic_records
from tests.benchmark.synthetic_records import constant


def course(*visits: list[float | None]) -> RunDetails:
  """A course with these losses, visit by visit."""
  rows = [(visit, loss) for visit, losses in enumerate(visits) for loss in losses]
  return RunDetails("", "", {"visit": [visit for visit, _ in rows], "loss": [loss for _, loss in rows]})


FALLING = [2 - .1 * epoch for epoch in range(15)]
FLAT = [2.0] + [1.0] * 14


def test_visits_are_counted_by_how_they_ended():
  runs = [constant("stl", seed, .5) for seed in (0, 1)]
  details = {runs[0].identity: course([None, *FALLING], FALLING), runs[1].identity: course(FALLING, FLAT)}
  found = flatness.of_runs(runs, details)
  assert found == {"stl": flatness.Flatness(num_falling=3, num_judged=4)} and found["stl"].is_short_of_flat


def test_half_of_the_visits_is_not_most():
  run = constant("stl", 0, .5)
  assert not flatness.of_runs([run], {run.identity: course(FALLING, FLAT)})["stl"].is_short_of_flat


def test_short_visits_are_told_apart():
  run = constant("stl", 0, .5)
  found = flatness.of_runs([run], {run.identity: course([3.0, 2.0, 1.0], [None])})["stl"]
  assert found == flatness.Flatness(num_short=2) and not found.is_short_of_flat


def test_runs_without_a_course_or_a_result_are_left_out():
  runs = [constant("stl", 0, .5), synthetic_records.record(learner="snn", num_tasks=2, status="failed", reason="x"),
          constant("ewc", 0, .5)]
  details = {runs[1].identity: course(FALLING), runs[2].identity: RunDetails("", "", {})}
  assert flatness.of_runs(runs, details) == {}

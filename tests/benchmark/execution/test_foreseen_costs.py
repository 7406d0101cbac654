"""Dry runs foresee what methods cost beside one network a task: as committed runs of one kind of processor took."""

import pathlib
import statistics

import pytest

from benchmark.execution import cost_model, planning
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import suite

_REPORT = pathlib.Path(__file__).resolve().parents[3] / "reports" / "standin_cifar100"
# Of the processor of those runs, rounded. Ratios of methods depend little on them.
_MODEL = cost_model.CostModel(0.4, 4e-4, 70.0, 1.5)
_FACTOR = 1.5


@pytest.fixture(name="measured", scope="module")
def _measured():
  """Median CPU seconds of evaluated methods by (device, learner)."""
  found = [record for record in records.load_records([_REPORT]) if record.is_completed and not record.named.is_trial]
  seconds: dict[tuple[str, str], list[float]] = {}
  for record in found:
    seconds.setdefault((record.provenance["device"], record.learner), []).append(record.provenance["cpu_seconds"])
  return {key: statistics.median(values) for key, values in seconds.items()}


def test_methods_cost_what_the_dry_run_says_within_a_factor_of_one_and_a_half(measured, tmp_path):
  evaluated = {learner for _, learner in measured}
  runs = {run.learner: run for run in suite.load([f"suites/{_REPORT.name}.gin"])[1]
          if run.learner in evaluated and run.seed == 0}
  plans = planning.plan(list(runs.values()), Settings(str(tmp_path), command=""), needs_data=False)
  said = {plan.run.learner: _MODEL.seconds(plan.work) for plan in plans}
  wrong = {}
  for (device, learner), seconds in measured.items():
    # Of that processor, one plain network: for every task, or for all.
    plain = next(name for start in ("stl[", "fine_tuning[") for name in said
                 if name.startswith(start) and (device, name) in measured)
    ratio = (said[learner] / said[plain]) / (seconds / measured[device, plain])
    if not 1 / _FACTOR <= ratio <= _FACTOR:
      wrong[learner] = round(ratio, 2)
  assert len(said) >= 20 and not wrong

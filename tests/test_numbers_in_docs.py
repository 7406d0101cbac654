"""Numbers that documents state in sentences are those of the committed records; tables there are generated."""

import pathlib
import statistics

import pytest

from benchmark.results import records

ROOT = pathlib.Path(__file__).resolve().parents[1]


def _runs(report, learner=None):
  return [record for record in records.load_records([ROOT / "reports" / report / "records.jsonl"])
          if not record.named.is_trial and learner in (None, record.learner)]


def _cpu_seconds(report, learner):
  return {record.seed: record.provenance["cpu_seconds"] for record in _runs(report, learner)}


def _times(report, learner, other):
  """CPU time over that of another learner, by seed."""
  own, others = _cpu_seconds(report, learner), _cpu_seconds(report, other)
  return [own[seed] / others[seed] for seed in sorted(own)]


def _bounded_visits():
  bounded, exact = (_times("bounded_cifar100", learner, "stl") for learner in ("lasem_hps_bounded", "lasem_hps"))
  return (f"took {statistics.mean(bounded):.2f} times the CPU time of one network a task ({min(bounded):.2f} to "
          f"{max(bounded):.2f} by seed), exact ones {statistics.mean(exact):.2f} times")


def _bounded_choices():
  def chosen(learner):
    return [bits for run in sorted(_runs("bounded_synthetic", learner), key=lambda run: run.seed)
            for bits in run.result["configurations"]]

  exact = chosen("lasem_hps")
  bounded, control = (sum(one == other for one, other in zip(chosen(f"lasem_hps_bounded[dropped_mass={mass}]"), exact))
                      for mass in ("0.01", "1e-12"))
  return (f"the choice of a bounded run is that of the exact one in {bounded} of {len(exact)} tasks, that of the "
          f"control in {control} of {len(exact)}")


def _bounded_small():
  bounded, exact = (statistics.mean(_cpu_seconds("bounded_synthetic", learner).values())
                    for learner in ("lasem_hps_bounded[dropped_mass=0.01]", "lasem_hps"))
  return f"{bounded:.0f} CPU seconds against {exact:.0f}"


def _bounded_long():
  (ratio,) = _times("bounded_cifar100_long", "lasem_hps_bounded", "stl")
  ((visit,),) = [run.result["learner_summary"] for run in _runs("bounded_cifar100_long", "lasem_hps_bounded")]
  alone = visit["steps_alone"] / sum(visit[f"steps_{form}"] for form in ("alone", "sparse", "exact"))
  return (f"took {ratio:.2f} times the CPU time of one network's, and {100 * alone:.0f} % of its steps trained the "
          "leader alone")


def _shared_layers():
  """In the suite of eight seeds, over DF-CNN: what LASEM and the draw share."""
  shares = []
  for method in ("lasem_dfcnn_bounded", "random_dfcnn"):
    bits = [bit for run in _runs("standin_cifar100_lasem") if run.named.method == method
            for configuration in run.result["configurations"] for bit in configuration]
    shares.append(100 * bits.count("1") / len(bits))
  return "a draw of about as many shared layers ({:.0f} and {:.0f} % of them)".format(*shares)


@pytest.mark.parametrize("document, sentence", [
    ("docs/results.md", _bounded_visits), ("docs/results.md", _bounded_choices), ("docs/results.md", _bounded_small),
    ("docs/results.md", _bounded_long), ("docs/results.md", _shared_layers),
])
def test_a_stated_number_is_that_of_the_records(document, sentence):
  text = " ".join((ROOT / document).read_text(encoding="utf-8").split())
  assert sentence() in text

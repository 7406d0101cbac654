"""Figures from costs, and the arms that are measured."""

import pytest

from benchmark.speed import comparisons, measure, networks
from tests.benchmark.speed.tiny_network import NETWORK


def costs_of(**seconds):
  return {name: measure.Cost(value, value, value, 1) for name, value in seconds.items()}


def test_figures_of_known_costs():
  named = {comparisons.PLAIN: 0.020, comparisons.PLAIN_LOOP: 0.016, comparisons.SEARCH: 0.150,
           comparisons.FEED_DICT: 0.020, comparisons.GRAPH_SEARCH: 0.300,
           comparisons.EVALUATION: 0.0005, comparisons.MATMUL: 0.1,
           "tensor factors, plain step": 0.024, "tensor factors, LASEM step": 0.216,
           "deconvolution, plain step": 0.031, "deconvolution, LASEM step": 0.279,
           "PyTorch eager, channels last": 0.020, "PyTorch eager, NCHW": 0.024, "Keras fit": 0.018}
  figures = comparisons.figures("cifar100", networks.NETWORKS["cifar100"], costs_of(**named))
  found = {bar.name: (round(bar.value, 4), bar.limit, bar.met) for bar in figures}
  expected = {
      "plain step, best form / feed-dict step": (0.8, 1.10, True),
      "plain step, one call each / feed-dict step": (1.0, 1.25, True),
      "LASEM step / plain step": (7.5, 10.0, True),
      "LASEM step / LASEM step in graph mode": (0.5, 0.55, True),
      "tensor factors, plain step / plain step": (1.2, 1.45, True),
      "tensor factors, LASEM step / its plain step": (9.0, 10.0, True),
      "deconvolution, plain step / plain step": (1.55, 1.5, False),
      "deconvolution, LASEM step / its plain step": (9.0, 10.0, True),
      "plain steps per second, best form, over PyTorch eager, channels last": (1.25, 1.05, True),
      "plain steps per second, best form, over PyTorch eager, NCHW": (1.5, 1.4, True),
      "plain steps per second, best form, over Keras fit": (1.125, 1.2, False),
  }
  assert {name: found[name] for name in expected} == expected
  # 10 images of 24.7 million operations, three times but for the images' gradient, in 16 ms.
  share = next(bar for bar in figures if bar.name.startswith("share of the matrix product's rate (172 GFLOP/s)"))
  assert share.value == pytest.approx(10 * (3 * 24740480 - 884736) / 0.016 / (2048**3 / 0.1)) and share.limit == 0.5
  assert len(figures) == len(expected) + 3


def test_bars_follow_the_network():
  named = costs_of(**{comparisons.PLAIN: 1.0, comparisons.SEARCH: 12.0, comparisons.GRAPH_SEARCH: 50.0})
  limits = [bar.limit for bar in comparisons.figures("stl10", networks.NETWORKS["stl10"], named)]
  assert limits == [14.5, 0.30]
  assert comparisons.figures("cifar100", networks.NETWORKS["cifar100"], {}) == []


def test_evaluation_shares():
  # 10 epochs of 10 steps of 1 s; 10 * 8 + 20 + 2 * 20 = 140 images of 0.1 s, and a third of the untrained network's 28.
  assert comparisons.evaluation_share(NETWORK, 1.0, 0.1) == pytest.approx((14 + 2.8 / 3) / (114 + 2.8 / 3))
  # An epoch of 10 s; two tasks of 68 images on average.
  assert comparisons.dense_evaluation_share(NETWORK, 1.0, 0.1) == pytest.approx(13.6 / 23.6)


def test_operations_of_a_training_step():
  first, second = 8 * 8 * 9 * 3 * 4, 8 * 8 * 9 * 4 * 6
  dense = 96 * 5 + 5 * 3
  assert comparisons.training_macs(NETWORK) == 4 * (2 * first + 3 * (second + dense))


@pytest.fixture(autouse=True)
def _without_pytorch(monkeypatch):
  """Loaded after TensorFlow, its CUDA builds crash the process: test_torch_steps tries it in a process of its own."""
  monkeypatch.setattr(comparisons.torch_steps, "is_installed", lambda: False)


def test_every_arm_of_a_tiny_network_runs():
  comparison = comparisons.Comparison()
  comparisons.add_core(comparison, NETWORK)
  comparison.arms = [arm for arm in comparison.arms if arm.name != comparisons.MATMUL]
  comparison.arms.append(comparisons.matmul_arm(comparisons.MATMUL, 16))
  comparisons.add_knowledge(comparison, NETWORK)
  comparisons.add_frameworks(comparison, NETWORK)
  costs = measure.interleave(comparison.arms, repeats=1, seconds=0.0)
  assert len(costs) == len(comparison.arms) == 12
  assert all(cost.median >= 0 for cost in costs.values())
  expected = {comparisons.PLAIN, comparisons.SEARCH, "tensor factors, plain step", "tensor factors, LASEM step",
              "deconvolution, plain step", "deconvolution, LASEM step"}
  assert set(comparison.learners) == expected


def test_frameworks_alone_bring_their_base():
  comparison = comparisons.Comparison()
  comparisons.add_frameworks(comparison, NETWORK)
  assert comparison.arms[0].name == comparisons.PLAIN_LOOP


def test_missing_pytorch_is_said():
  comparison = comparisons.Comparison()
  comparisons.add_frameworks(comparison, NETWORK)
  assert comparison.notes == ["PyTorch: left out. PyTorch is not installed: pip install 'lasem-tf[speed]'"]
  assert [arm.name for arm in comparison.arms] == [comparisons.PLAIN_LOOP, "Keras fit"]


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_deconvolution_fits_every_network(name):
  network = networks.NETWORKS[name]
  knowledge = comparisons.deconvolution.Deconvolution(network.deconvolution_sizes)
  knowledge.bind(network.spec, None, None)
  assert all(knowledge.generation_macs(layer) > 0 for layer in range(network.spec.depth))

"""What is measured in processes of its own. The processes themselves start TensorFlow twice: only one is tried here."""

from benchmark.speed import networks, processes
from lasem_tf import cores
from tests.benchmark.speed.tiny_network import NETWORK


def test_a_probed_run_compiles_nothing_twice(monkeypatch):
  monkeypatch.setitem(networks.NETWORKS, "cifar100", NETWORK)
  measured = processes._probe("cifar100")
  assert measured.num_retraces == 0 and measured.peak_bytes > 1e8


def test_figures():
  retraces, memory = processes.probe_figures("cifar100", processes.Probe(900_000_000, 0))
  assert (retraces.value, retraces.limit, retraces.met) == (0, 0, True)
  assert (memory.value, memory.limit, memory.met) == (0.9, 1.2, True)
  assert processes.probe_figures("stl10", processes.Probe(1_700_000_000, 1))[1].met is False


def test_one_core_cannot_scale(monkeypatch):
  monkeypatch.setattr(cores, "num_usable", lambda: 1)
  bar = processes.scaling("cifar100", 1, 0.1)
  assert bar.value is None and bar.met is None and bar.note == "one core here"


def test_steps_of_a_worker(monkeypatch):
  monkeypatch.setitem(networks.NETWORKS, "cifar100", NETWORK)
  monkeypatch.setattr(processes, "_step", None)
  assert processes._calibrate("cifar100") > 0
  processes._take_steps(2)

"""Flags of `python -m benchmark.speed`."""

import pytest

from benchmark.execution import process
from benchmark.speed import __main__ as command, bars, comparisons, networks
from tests.benchmark.speed.tiny_network import NETWORK


@pytest.mark.parametrize("flag, message", [
    ("--network=mnist", "cifar100, stl10, office_home"),
    ("--arms=core,everything", "endtoend"),
    ("--repeats=0", "positive integer"),
    ("--core=99999", "choose one of"), ("--output=no/such/folder/speed.md", "create it first")])
def test_bad_flags(capsys, flag, message):
  with pytest.raises(SystemExit) as error:
    command.main(["speed", flag])
  assert error.value.code == 2
  lines = capsys.readouterr().err.splitlines()
  assert len(lines) == 1 and message in lines[0]


def test_networks_and_defaults():
  values = command.define_flags()
  values(["speed"])
  assert values.network == ["cifar100"] and values.arms == ["core", "knowledge"]
  assert tuple(networks.NETWORKS) == command.NETWORKS


@pytest.mark.parametrize("limit, status", [(1e9, 0), (0.0, 1)])
def test_writes_what_it_prints_and_says_what_was_missed(monkeypatch, tmp_path, capsys, limit, status):
  # The test's process keeps its threads and cores.
  monkeypatch.setattr(process, "prepare_process", lambda **_: None)
  monkeypatch.setattr(process, "start_tensorflow", lambda: None)
  monkeypatch.setitem(networks.NETWORKS, "cifar100", NETWORK)
  monkeypatch.setattr(comparisons, "add_core", lambda comparison, network: comparison.arms.append(
      comparison.train("plain step", comparisons.plain, network).step_arm("plain step")))
  monkeypatch.setattr(comparisons, "figures", lambda name, network, costs: [
      bars.Bar("milliseconds", 1e3 * costs["plain step"].median, limit)])
  output = tmp_path / "speed.md"
  assert command.main(["speed", "--arms=core", "--repeats=1", "--seconds=0", f"--output={output}"]) == status
  printed = capsys.readouterr()
  assert output.read_text() == printed.out and printed.err == ""
  assert f"`python -m benchmark.speed --arms=core --repeats=1 --seconds=0 --output={output}`" in printed.out

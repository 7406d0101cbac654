"""Markdown of measurements."""

from benchmark.speed import bars, end_to_end, markdown, measure
from tests.benchmark.speed.tiny_network import NETWORK


def test_section():
  found = markdown.section("tiny", NETWORK, {"arm": measure.Cost(0.0015, 0.001, 0.002, 3)}, [
      bars.Bar("good", 1.0, 1.1), bars.Bar("bad", 0.5, 0.6, at_least=True), bars.Bar("free", 2.0),
      bars.Bar("count", 0, 0),
      bars.Bar("absent", None, 1.3, note="one core here")], ["PyTorch: left out."])
  lines = [" | ".join(cell.strip() for cell in line.strip("|").split("|")) for line in found.splitlines()]
  assert lines[0] == "## tiny: 8x8x3, 2 convolutions, batch 4, 0.0 MMACs per image"
  assert "good | 1.000 | <= 1.10 | met" in lines
  assert "bad | 0.500 | >= 0.60 | **missed**" in lines
  assert "free | 2.000 |  |" in lines or "free | 2.000 |  | " in lines
  assert "count | 0 | <= 0 | met" in lines
  assert "absent | not measured: one core here | <= 1.30 | " in lines
  assert "PyTorch: left out." in lines
  assert "arm | 1.500 | 1.000 | 2.000 | 3" in lines


def test_run_costs_are_relative_to_the_first():
  found = markdown.run_costs([end_to_end.RunCost("stl", 2.0, 1.0, 0.5), end_to_end.RunCost("lasem_hps", 5.0, 4.0, 0.5)],
                             [bars.Bar("two workers", 1.7, 1.3, at_least=True)])
  assert "two workers" in found and "1.700" in found
  assert "lasem_hps" in found and "2.50" in found and "ratios are to stl" in found


def test_document_names_machine_versions_and_command():
  found = markdown.document(["## one"], "python -m benchmark.speed")
  assert found.startswith("# Speed\n\n`python -m benchmark.speed`\n") and "tensorflow 2." in found
  assert "load average" in found
  assert found.endswith("## one\n")

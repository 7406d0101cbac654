"""Renders measurements as Markdown."""

from typing import Mapping, Sequence

import tabulate

from benchmark import environment
from benchmark.speed import comparisons, measure


def section(name: str, network: comparisons.Network, costs: Mapping[str, measure.Cost],
            ratios: Sequence[comparisons.Ratio]) -> str:
  """Tables of one network: ratios with their bars, then what they were computed from."""
  shape = "x".join(map(str, network.spec.image_shape))
  title = (f"## {name}: {shape}, {network.spec.depth} convolutions, batch {network.batch_size}, "
           f"{network.spec.forward_macs(network.num_classes) / 1e6:.1f} MMACs per image")
  verdict = {True: "met", False: "missed", None: ""}
  rows = [[ratio.name, f"{ratio.value:.3f}", _bar(ratio), verdict[ratio.met]] for ratio in ratios]
  spread = [[arm, f"{1e3 * cost.median:.3f}", f"{1e3 * cost.minimum:.3f}", f"{1e3 * cost.maximum:.3f}", cost.repeats]
            for arm, cost in costs.items()]
  return "\n\n".join([title, _table(["ratio", "measured", "bar", ""], rows),
                      _table(["arm", "median CPU ms", "least", "most", "repeats"], spread)])


def document(sections: Sequence[str]) -> str:
  """All sections with the machine and the versions they were measured on."""
  versions = ", ".join(f"{name} {version}" for name, version in environment.package_versions().items())
  head = (f"# Speed\n\n{environment.processor_name()}, one thread pinned to one core, arms interleaved in random order, medians of "
          f"process CPU time. Absolute times are for budgeting only. {versions}.")
  return "\n\n".join([head, *sections]) + "\n"


def _bar(ratio: comparisons.Ratio) -> str:
  return "" if ratio.limit is None else f"{'>=' if ratio.at_least else '<='} {ratio.limit:.2f}"


def _table(headers: Sequence[str], rows: Sequence[Sequence]) -> str:
  return tabulate.tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)

"""Renders measurements as Markdown."""

import importlib.metadata
import os
from collections.abc import Mapping, Sequence

import tabulate

from benchmark.execution import process
from benchmark.speed import end_to_end, learner_costs, measure, torch_steps
from benchmark.speed.bars import Bar
from benchmark.speed.networks import Network

_VERDICT = {True: "met", False: "**missed**", None: ""}


def section(name: str, network: Network, costs: Mapping[str, measure.Cost], bars: Sequence[Bar],
            notes: Sequence[str] = ()) -> str:
  """One network: figures with their bars, what was left out, then the costs that the figures were computed from."""
  shape = "x".join(map(str, network.spec.image_shape))
  title = (f"## {name}: {shape}, {network.spec.depth} convolutions, batch {network.batch_size}, "
           f"{network.spec.forward_macs(network.num_classes) / 1e6:.1f} MMACs per image")
  parts = [title, *([_figures(bars)] if bars else []), *notes]
  if costs:
    spread = [[arm, *(f"{1e3 * value:.3f}" for value in (cost.median, cost.minimum, cost.maximum)), cost.repeats]
              for arm, cost in costs.items()]
    parts.append(_table(["arm", "median CPU ms", "least", "most", "repeats"], spread))
  return "\n\n".join(parts)


def run_costs(costs: Sequence[end_to_end.RunCost], bars: Sequence[Bar]) -> str:
  """Whole runs by method, and figures of whole suites."""
  base = costs[0]
  rows = [[cost.learner, f"{cost.cpu_seconds:.1f}", f"{cost.cpu_seconds / base.cpu_seconds:.2f}",
           f"{cost.training_seconds:.1f}", f"{cost.evaluation_seconds:.1f}"] for cost in costs]
  title = ("## Whole runs by method\n\n`python -m benchmark.run` on the built-in stream, two tasks, 40 epochs each, "
           "one run after another. CPU seconds include compilation, evaluation and checkpoints; ratios are to "
           f"{base.learner}.")
  return "\n\n".join([title, _table(["learner", "CPU s", "ratio", "training, wall s", "evaluation, wall s"], rows),
                      _figures(bars)])


def visit_costs(name: str, costs: Sequence[learner_costs.VisitCost]) -> str:
  """Overhead of learners' visits on one network; the first cost is that of the plain network's first visit."""
  rows = [[cost.learner, cost.task, f"{cost.overhead(costs[0]):.2f}", f"{cost.gmacs:.1f}", f"{cost.seconds:.2f}",
           f"{cost.compile_seconds:.2f}"] for cost in costs]
  title = (f"## {name}: visits by method\n\nCPU seconds over multiply-accumulate operations, in units of the plain "
           f"network's ({costs[0].learner}, first task), each visit measured once; 1.00: no overhead. Compilation is "
           "counted apart. A visit has 40 steps, where the papers' have 34,000, so what a method does once a visit, "
           "such as EWC's Fisher information and LwF's recordings, weighs many times what it weighs there.")
  bars = learner_costs.figures(costs)
  visits = _table(["learner", "task", "overhead", "GMACs", "CPU s", "compilation, CPU s"], rows)
  return "\n\n".join([title, *([_figures(bars)] if bars else []), visits])


def document(sections: Sequence[str], command: str) -> str:
  """All sections with the machine, the versions and the command that they were measured with."""
  packages = process.package_versions()
  if torch_steps.is_installed():
    packages["torch"] = importlib.metadata.version("torch")
  versions = ", ".join(f"{name} {version}" for name, version in packages.items())
  code = process.code_version()["commit"]
  head = (f"# Speed\n\n`{command}`\n\n{process.processor_name()}, {os.cpu_count()} cores, one thread "
          "pinned to one core, arms interleaved in random order, medians of process CPU time. Absolute times are for "
          f"budgeting only; wall times suffer from what else runs (load average {os.getloadavg()[1]:.1f}). {versions}"
          f"{'' if code is None else f', commit {code[:12]}'}.")
  return "\n\n".join([head, *sections]) + "\n"


def _figures(bars: Sequence[Bar]) -> str:
  rows = [[bar.name, _value(bar), _limit(bar), _VERDICT[bar.met]] for bar in bars]
  return _table(["figure", "measured", "bar", ""], rows)


def _value(bar: Bar) -> str:
  if bar.value is None:
    return f"not measured: {bar.note}"
  return f"{bar.value:d}" if isinstance(bar.value, int) else f"{bar.value:.3f}"


def _limit(bar: Bar) -> str:
  if bar.limit is None:
    return ""
  limit = f"{bar.limit:d}" if isinstance(bar.limit, int) else f"{bar.limit:.2f}"
  return f"{'>=' if bar.at_least else '<='} {limit}"


def _table(headers: Sequence[str], rows: Sequence[Sequence]) -> str:
  return tabulate.tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)

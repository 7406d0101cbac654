"""Measures what training costs on this machine and prints Markdown tables of figures with their bars.

  python -m benchmark.speed
  python -m benchmark.speed --arms=core,knowledge,frameworks,processes,endtoend --output=reports/speed.md
  python -m benchmark.speed --network=stl10 --repeats=3

One thread, pinned to one core; all arms interleaved in random order; medians of process CPU time. The default, the
CIFAR-100 network with the arms `core` and `knowledge`, takes about two minutes; all arms but `learners` about seven;
stl10 takes about five and office_home about ten minutes with --repeats=3. Machines are shared: a figure that just
misses its bar deserves a second run.

Arms: `core` (plain and LASEM step, graph mode, evaluation, share of the matrix product's rate), `knowledge` (tensor
factors and deconvolution), `lasem` (LASEM at a bounded posterior mass, in each form of its step), `precision` (steps
whose convolutions run in bfloat16), `frameworks` (PyTorch, from the extra `speed`, and Keras fit), `processes` (peak
memory, retraces, two processes against one), `endtoend` (whole runs by method on the built-in stream, and a suite with
two workers against one), `learners` (what every method's visits cost beside their arithmetic, at later tasks too where
that grows; takes some ten minutes; --learners names some of them).

Exit status: 0 every bar was met, 1 one was missed, 2 a bad flag.
"""

import pathlib
import shlex
import sys

from absl import flags

from benchmark import command_line
from benchmark.execution import process
from benchmark.speed import end_to_end, processes
from lasem_tf import cores

ARMS = ("core", "knowledge", "lasem", "precision", "frameworks", "processes", "endtoend", "learners")
STREAMS = {"cifar100": "cifar100", "stl10": "stl10_20", "office_home": "office_home"}  # Whose files set the networks.
NETWORKS = ("cifar100", "stl10", "office_home")


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_list("network", ["cifar100"], f"Backbones, of {', '.join(NETWORKS)}.", flag_values=values)
  flags.DEFINE_list("arms", ["core", "knowledge"], f"What to measure, of {', '.join(ARMS)}.", flag_values=values)
  flags.DEFINE_list("learners", [], "Learners of the arm `learners`. Default: one for each mechanism.",
                    flag_values=values)
  flags.DEFINE_integer("repeats", 7, "Measurements of every arm.", lower_bound=1, flag_values=values)
  flags.DEFINE_float("seconds", 0.3, "Least CPU time of a measurement.", lower_bound=0.0, flag_values=values)
  flags.DEFINE_integer("core", None, "Core to pin to. Default: the last usable one.", flag_values=values)
  flags.DEFINE_string("output", None, "File that the Markdown is written to, beside standard output.",
                      flag_values=values)
  for name, allowed in (("network", NETWORKS), ("arms", ARMS)):
    flags.register_validator(name, lambda chosen, allowed=allowed: chosen and set(chosen) <= set(allowed),
                             f"must list some of {', '.join(allowed)}", flag_values=values)
  return values


def main(argv) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  usable = cores.usable()
  if values.core is not None and values.core not in usable:
    command_line.fail(f"--core={values.core} is not usable here; choose one of {usable}.")
  output = None if values.output is None else pathlib.Path(values.output)
  if output is not None and not output.parent.is_dir():
    command_line.fail(f"--output={output}: there is no folder {output.parent}; create it first.")
  # What runs in processes of its own comes first: they could not leave the core that this one is pinned to.
  apart = {name: _apart(name, values) for name in values.network} if "processes" in values.arms else {}
  run_costs, suite_bars = None, []
  if "endtoend" in values.arms:
    run_costs, suite_bars = end_to_end.measure(), [end_to_end.scaling(min(3, values.repeats))]
  process.prepare_process(place=process.Place(core=usable[-1] if values.core is None else values.core))
  if "frameworks" in values.arms:
    from benchmark.speed import torch_steps  # noqa: PLC0415  imports NumPy, which the line above prepares

    torch_steps.load_before_tensorflow()
  process.start_tensorflow()
  from benchmark.speed import markdown  # noqa: PLC0415  imports TensorFlow, which the line above prepares

  sections, met = [], all(bar.met is not False for bar in suite_bars)
  for name in values.network:
    network, costs, bars, notes = _measure(name, values)
    bars += apart.get(name, [])
    met = met and all(bar.met is not False for bar in bars)
    if bars or notes:
      sections.append(markdown.section(name, network, costs, bars, notes))
    if "learners" in values.arms:
      from benchmark.speed import learner_costs  # noqa: PLC0415  imports TensorFlow

      visits = learner_costs.measure(STREAMS[name], values.learners or learner_costs.LEARNERS)
      met = met and all(bar.met for bar in learner_costs.figures(visits))
      sections.append(markdown.visit_costs(name, visits))
  if run_costs is not None:
    sections.append(markdown.run_costs(run_costs, suite_bars))
  text = markdown.document(sections, shlex.join(["python", "-m", "benchmark.speed", *argv[1:]]))
  print(text, end="")
  if output is not None:
    output.write_text(text, encoding="utf-8")
  return 0 if met else 1


def _apart(name: str, values: flags.FlagValues) -> list:
  """Figures from processes of their own. Office-Home's LASEM run would take many minutes and has no bar."""
  bars = [] if name == "office_home" else processes.probe_figures(name, processes.probe(name))
  return [*bars, processes.scaling(name, values.repeats, 5 * values.seconds)]


def _measure(name: str, values: flags.FlagValues):
  """(network, costs, bars, notes) of the arms that share this process."""
  # These import TensorFlow.
  from benchmark.speed import bounded_steps, comparisons, measure, networks, precision_steps  # noqa: PLC0415

  network, comparison = networks.NETWORKS[name], comparisons.Comparison()
  for arms, add in (("core", comparisons.add_core), ("knowledge", comparisons.add_knowledge),
                    ("lasem", bounded_steps.add), ("precision", precision_steps.add),
                    ("frameworks", comparisons.add_frameworks)):
    if arms in values.arms:
      add(comparison, network)
  costs = measure.interleave(comparison.arms, values.repeats, values.seconds)
  bounded_limits = bounded_steps.LIMITS.get(network.spec.depth, {})
  found = [*comparisons.figures(name, network, costs), *bounded_steps.figures(comparison, costs, bounded_limits),
           *precision_steps.figures(name, comparison, costs)]
  return network, costs, found, comparison.notes


if __name__ == "__main__":
  sys.exit(main(sys.argv))

"""Measures what training costs on this machine and prints a Markdown table of ratios.

  python -m benchmark.speed
  python -m benchmark.speed --network=stl10 --repeats=3

One thread, pinned to one core; all arms interleaved in random order in one run; medians of process CPU time. Machines are
shared: a ratio that just misses its bar deserves a second run. The default takes about two minutes.

Exit status: 0 every bar was met, 1 one was missed, 2 a bad flag.
"""

import sys

from absl import flags

from benchmark import command_line, environment


def define_flags() -> flags.FlagValues:
  """The flags, not yet parsed."""
  values = command_line.new_flags()
  flags.DEFINE_multi_enum("network", ["cifar100"], ["cifar100", "stl10", "office_home"], "Backbone. May be repeated.",
                          flag_values=values)
  flags.DEFINE_integer("repeats", 7, "Measurements of every arm.", lower_bound=1, flag_values=values)
  flags.DEFINE_float("seconds", 0.3, "Least CPU time of a measurement.", lower_bound=0.0, flag_values=values)
  flags.DEFINE_integer("core", None, "Core to pin to. Default: the last usable one.", flag_values=values)
  return values


def main(argv) -> int:
  """Runs the command line; returns the exit status."""
  values = define_flags()
  command_line.parse(values, argv, __doc__)
  cores = environment.usable_cores()
  if values.core is not None and values.core not in cores:
    command_line.fail(f"--core={values.core} is not usable here; choose one of {cores}.")
  environment.prepare_process(place=environment.Place(core=cores[-1] if values.core is None else values.core))
  environment.start_tensorflow()
  from benchmark.speed import comparisons, markdown, measure  # pylint: disable=import-outside-toplevel

  sections, met = [], True
  for name in values.network:
    network = comparisons.NETWORKS[name]
    arms, learners = comparisons.core_arms(network)
    costs = measure.interleave(arms, values.repeats, values.seconds)
    ratios = comparisons.core_ratios(network, costs)
    met = met and all(ratio.met is not False for ratio in ratios)
    sections.append(markdown.section(name, network, costs, ratios))
    del learners
  print(markdown.document(sections))
  return 0 if met else 1


if __name__ == "__main__":
  sys.exit(main(sys.argv))

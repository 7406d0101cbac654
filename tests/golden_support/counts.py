"""Parameter counts as the releases report them, derived from the counts of this suite."""

import re

from lasem_tf.selection.configuration import TransferConfiguration
from tests.golden_support import comparison, manifest

# Snapshots, the state of a search, and DARTS' mixing weights.
NO_PARAMETER = re.compile(r"snapshot/|task\d+/selection/|task\d+/alpha\d+$")


def check(built: manifest.Built, method: dict, stage: dict, result: comparison.Comparison) -> None:
  """Compares the number of parameters held during a stage with the reported one, whose errors are put back in.

  The releases report all variables that exist. With hard sharing their LASEM leaves the shared layers out, once for
  every task known, and their DARTS counts those that earlier tasks use once more for each of them.
  """
  held = sum(variable.shape.num_elements() for name, variable in built.learner.variables().items()
             if not NO_PARAMETER.match(name))
  super_network = built.learner.super_network_parameters()
  if super_network is not None:
    result.equal(f"{stage['stage']}: super-network parameters", super_network, held)
  elif built.selection is None or not built.selection.searches:
    result.equal(f"{stage['stage']}: parameters", built.learner.num_parameters(), held)
  result.equal(f"{stage['stage']}: reported parameters", held + _release_error(built, method),
               stage["num_trainable_var"])


def _release_error(built: manifest.Built, method: dict) -> int:
  """What the release's report adds to the truth."""
  if method.get("knowledge") != "hard_sharing" or method["selection"] == "static":
    return 0
  spec = built.learner.context.spec
  shared = [spec.convolution_parameters(layer) for layer in range(spec.depth)]
  if method["selection"] == "expectation":
    return -len(built.learner.learned_tasks) * sum(shared)
  return sum(size for bits in built.learner.structure()["configurations"].values()
             for size, bit in zip(shared, TransferConfiguration.parse(bits, spec.depth).bits) if bit)

"""How long training takes, from what two networks need. No TensorFlow."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Work:
  """What a run has to do, the same on every machine.

  Attributes:
    compilations: graphs that are compiled, in units of what a plain network needs for a task.
    steps: of training, each times the size of its graph in the same units.
    gmacs: billions of multiply-accumulate operations of training and evaluation.
    weight_operations: billions of operations on single weights beside a plain network's update.
  """

  compilations: float = 0.0
  steps: float = 0.0
  gmacs: float = 0.0
  weight_operations: float = 0.0


@dataclasses.dataclass(frozen=True)
class CostModel:
  """CPU seconds of a run with one thread, linear in its `Work`.

  Attributes:
    seconds_per_compilation: for a plain network's task.
    seconds_per_step: fixed cost of a plain network's step, whatever its size.
    gmacs_per_second: billions of multiply-accumulate operations.
    weight_operations_per_second: billions of operations on single weights.
  """

  seconds_per_compilation: float
  seconds_per_step: float
  gmacs_per_second: float
  weight_operations_per_second: float = math.inf

  def seconds(self, work: Work) -> float:
    """CPU seconds of a run."""
    return (work.compilations * self.seconds_per_compilation + work.steps * self.seconds_per_step
            + work.gmacs / self.gmacs_per_second + work.weight_operations / self.weight_operations_per_second)

  def describe(self) -> str:
    """The model in a few words."""
    return (f"measured just now: {self.gmacs_per_second:.0f} GMAC/s and {1000.0 * self.seconds_per_step:.1f} ms a step "
            f"on one thread, {self.seconds_per_compilation:.1f} s to compile a plain network; expect the truth within "
            "a factor of one and a half")


def fit(compile_seconds: float, small: tuple[float, float], large: tuple[float, float],
        weight_operations_per_second: float = math.inf) -> CostModel:
  """The model that two measured networks agree with.

  Args:
    compile_seconds: of one network's task.
    small: seconds and GMACs of a step.
    large: the same of a step with more work.
    weight_operations_per_second: see `CostModel`.

  Returns:
    The model; noise never makes a coefficient negative.
  """
  rate = (large[1] - small[1]) / max(large[0] - small[0], 1e-9)
  overhead = small[0] - small[1] / rate
  if not (math.isfinite(rate) and overhead >= 0.0):
    rate, overhead = large[1] / large[0], 0.0
  return CostModel(compile_seconds, overhead, rate, weight_operations_per_second)

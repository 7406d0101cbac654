"""How long training takes, from what two networks need. No TensorFlow."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class CostModel:
  """CPU seconds of a run with one thread = visits * a + steps * b + billions of multiply-accumulate operations / c.

  Attributes:
    seconds_per_visit: a, what compiling for a task costs.
    seconds_per_step: b, fixed cost of a step, whatever its network.
    gmacs_per_second: c.
  """

  seconds_per_visit: float
  seconds_per_step: float
  gmacs_per_second: float

  def seconds(self, num_visits: int, num_steps: int, gmacs: float) -> float:
    """CPU seconds of a run."""
    return num_visits * self.seconds_per_visit + num_steps * self.seconds_per_step + gmacs / self.gmacs_per_second

  def describe(self) -> str:
    """The model in a few words."""
    return (f"measured just now: {self.gmacs_per_second:.0f} GMAC/s and {1000.0 * self.seconds_per_step:.1f} ms a step "
            f"on one thread, {self.seconds_per_visit:.1f} s to compile for a task; expect the truth within about a "
            "factor of two for most methods, up to three and a half times as much for those of many small operations: "
            "ProgNN, APD, DEN")


def fit(compile_seconds: float, small: tuple[float, float], large: tuple[float, float]) -> CostModel:
  """The model that two measured networks agree with.

  Args:
    compile_seconds: of one network's step.
    small: seconds and GMACs of a step.
    large: the same of a step with more work.

  Returns:
    The model; noise never makes a coefficient negative.
  """
  rate = (large[1] - small[1]) / max(large[0] - small[0], 1e-9)
  overhead = small[0] - small[1] / rate
  if not (math.isfinite(rate) and overhead >= 0.0):
    rate, overhead = large[1] / large[0], 0.0
  return CostModel(compile_seconds, overhead, rate)

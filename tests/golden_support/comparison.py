"""Comparing arrays with the recorded ones, and remembering what did not match."""

import math

import numpy as np

# Relative to the largest entry of the recorded array. The recordings were made with oneDNN off and one thread; in a
# process of another kind, multiply by ten.
VALUE = 1e-5
# Losses, logits and posteriors after the second update; float32 rounding grows with every step.
LATER_VALUE = 1e-4
GRADIENT = 1e-4
MIXING_GRADIENT = 5e-4
ONE_UPDATE = 1e-5
FIVE_UPDATES = 1e-3
EXACT = 0.0


class Comparison:
  """Collects the comparisons of one fixture.

  Attributes:
    count: number of comparisons made.
    failures: one line for each that did not hold.
    used: names of the recorded arrays that were compared.
    worst: largest deviation as a fraction of the allowed one, and where.
  """

  def __init__(self):
    self.count = 0
    self.failures: list[str] = []
    self.used: set[str] = set()
    self.worst: tuple[float, str] = (0.0, "")

  def close(self, name: str, actual, expected, tolerance: float, floor: float = 0.0) -> None:
    """Requires |actual - expected| <= tolerance * max(largest |expected|, floor), entry by entry.

    Args:
      name: of the recorded array, for the message.
      actual: computed, anything that NumPy takes.
      expected: recorded; must have the same shape.
      tolerance: relative; 0 demands equal bits.
      floor: scale to use where the whole array is smaller (the learning rate, for weights).
    """
    self.count += 1
    self.used.add(name)
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
      self.failures.append(f"{name}: shape {actual.shape}, recorded {expected.shape}")
      return
    if not expected.size:
      return
    difference = np.max(np.abs(actual.astype(np.float64) - expected.astype(np.float64)))
    allowed = tolerance * max(np.max(np.abs(expected)), floor)
    if tolerance:
      self.worst = max(self.worst, (float(difference / allowed) if allowed else math.inf * difference, name))
    if not difference <= allowed:
      self.failures.append(f"{name}: differs by {difference:.3g}, allowed {allowed:.3g}")

  def equal(self, name: str, actual, expected) -> None:
    """Requires equality of plain values (names, counts, configurations)."""
    self.count += 1
    self.used.add(name)
    if actual != expected:
      self.failures.append(f"{name}: {actual!r}, recorded {expected!r}")

  def same_names(self, name: str, actual, expected) -> None:
    """Requires two collections of names to hold the same ones."""
    self.count += 1
    surplus, lacking = sorted(set(actual) - set(expected)), sorted(set(expected) - set(actual))
    if surplus or lacking:
      self.failures.append(f"{name}: surplus {surplus}, lacking {lacking}")

  def true(self, name: str, condition: bool) -> None:
    """Requires a statement to hold."""
    self.equal(name, bool(condition), True)

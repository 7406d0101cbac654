"""How many steps one compiled call takes. No TensorFlow."""

# Stop requests and the time of the next checkpoint are checked between calls.
_TARGET_SECONDS = 0.5


class ChunkSize:
  """As many steps as take about half a second. Any division of an epoch into calls computes the same.

  Attributes:
    steps: of the next call.
  """

  def __init__(self, target_seconds: float = _TARGET_SECONDS):
    self._target = target_seconds
    self.steps = 1

  def adapt(self, seconds: float, most: int) -> None:
    """Takes the duration of a call of `steps` steps; the next one is at most `most` steps."""
    if seconds > self._target:
      self.steps = max(1, self.steps // 2)
    elif seconds < self._target / 2:
      self.steps = min(2 * self.steps, most)

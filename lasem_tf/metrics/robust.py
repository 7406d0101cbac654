"""Summaries over runs and tasks that one outlier does not decide: interquartile mean and performance profile.

Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (NeurIPS 2021). Scores are
`[seeds, tasks]`. Tasks are strata: the bootstrap draws seeds with replacement within every task, never tasks, because
the tasks of a stream are given.
"""

import dataclasses

import numpy as np

NUM_RESAMPLES = 1000
_LARGEST_BLOCK = 2 * 10**6  # Numbers held at a time.


@dataclasses.dataclass(frozen=True)
class Interval:
  """A summary and the ends of its percentile interval; both None for fewer than two seeds."""

  value: float
  low: float | None
  high: float | None


def interquartile_mean(scores: np.ndarray) -> np.ndarray:
  """Mean of the middle half.

  Args:
    scores: float64 `[..., n]`; a quarter of n, rounded down, is cut from each end.

  Returns:
    float64 `[...]`.
  """
  n = scores.shape[-1]
  cut = n // 4
  if cut:
    scores = np.partition(scores, (cut, n - cut - 1), axis=-1)[..., cut:n - cut]
  return scores.mean(axis=-1)


def interquartile_interval(scores: np.ndarray, confidence: float = 0.95, num_resamples: int = NUM_RESAMPLES,
                           seed: int = 0) -> Interval:
  """Interquartile mean over all seeds and tasks with its stratified bootstrap interval.

  Args:
    scores: float64 `[seeds, tasks]`.
    confidence: of the percentile interval.
    num_resamples: how often to draw.
    seed: of the draws, so that equal scores give equal intervals.
  """
  value = float(interquartile_mean(scores.ravel()))
  if len(scores) < 2:
    return Interval(value, None, None)
  means = np.concatenate([interquartile_mean(block.reshape(len(block), -1))
                          for block in _resampled(scores, num_resamples, seed)])
  low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
  return Interval(value, float(low), float(high))


def performance_profile(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
  """float64 `[k]`: share of all runs and tasks whose score is above each of k thresholds."""
  return (scores.ravel()[:, np.newaxis] > thresholds).mean(axis=0)


def profile_band(scores: np.ndarray, thresholds: np.ndarray, confidence: float = 0.95,
                 num_resamples: int = NUM_RESAMPLES, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
  """Ends of the profile's pointwise stratified bootstrap interval, float64 `[k]` each; NaN for fewer than two seeds."""
  if len(scores) < 2:
    return np.full(len(thresholds), np.nan), np.full(len(thresholds), np.nan)
  profiles = []
  for block in _resampled(scores, num_resamples, seed):
    ordered = np.sort(block.reshape(len(block), -1), axis=1)
    above = [ordered.shape[1] - np.searchsorted(row, thresholds, side="right") for row in ordered]
    profiles.append(np.array(above) / ordered.shape[1])
  low, high = np.quantile(np.concatenate(profiles), [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
  return low, high


def _resampled(scores: np.ndarray, num_resamples: int, seed: int):
  """Blocks `[r, seeds, tasks]` of resamples, r of them at a time."""
  generator = np.random.default_rng(seed)
  tasks = np.arange(scores.shape[1])
  block = max(1, _LARGEST_BLOCK // scores.size)
  for start in range(0, num_resamples, block):
    size = min(block, num_resamples - start)
    yield scores[generator.integers(0, len(scores), (size, *scores.shape)), tasks]

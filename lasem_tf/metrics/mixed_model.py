"""A mixed model of final accuracy: methods as fixed effects, tasks and seeds as crossed random effects.

accuracy[m, t, s] = mean of the baseline + effect of m + u[t] + v[s] + error, with u, v and error independent, normal.
Assumed is that a task or a seed shifts all methods alike and that errors have one variance for all methods; where a
method is good at other tasks than the rest, its interval is too narrow. Paired comparisons of `metrics.paired` assume
neither. Fitted by restricted maximum likelihood; intervals and p-values are those of normal approximations. Needs
statsmodels (the extra `statistics`).
"""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lasem_tf.metrics.statistics import holm

ASSUMPTION = ("Assumed: tasks and seeds shift all methods alike, and errors are normal with one variance for all. "
              "Intervals and p-values are normal approximations; p-values are Holm-corrected.")


class MixedModelError(ValueError):
  """The model cannot be fitted; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Effect:
  """A method's difference from the baseline.

  Attributes:
    method: its name.
    difference: estimate, as a fraction.
    low: lower end of the 95 % interval.
    high: upper end.
    p_value: two-sided, Holm-corrected over the methods.
  """

  method: str
  difference: float
  low: float
  high: float
  p_value: float


@dataclasses.dataclass(frozen=True)
class Fit:
  """A fitted model; standard deviations are fractions.

  Attributes:
    effects: of all methods but the baseline, in the order of their first appearance.
    task_deviation: of the tasks' random effect.
    seed_deviation: of the seeds' random effect.
    error_deviation: of the errors.
    num_observations: accuracies.
  """

  effects: tuple[Effect, ...]
  task_deviation: float
  seed_deviation: float
  error_deviation: float
  num_observations: int


def fit(method: Sequence[str], task: Sequence[int], seed: Sequence[int], accuracy: Sequence[float],
        baseline: str) -> Fit:
  """Fits the model to accuracies of equal length.

  Args:
    method: of every accuracy.
    task: of every accuracy.
    seed: of every accuracy.
    accuracy: fractions.
    baseline: one of the methods.

  Raises:
    MixedModelError: statsmodels is not installed; the data have too few tasks, seeds or methods; the fit fails.
  """
  try:
    from statsmodels.regression import mixed_linear_model  # noqa: PLC0415  an extra
  except ImportError as error:
    raise MixedModelError("A mixed model needs statsmodels: pip install 'lasem-tf[statistics]'.") from error
  methods = list(dict.fromkeys(method))
  if baseline not in methods:
    raise MixedModelError(f"The baseline {baseline!r} is none of the methods.")
  others = [name for name in methods if name != baseline]
  if not others or len(set(task)) < 2 or len(set(seed)) < 2:
    raise MixedModelError(f"A mixed model needs two methods, tasks and seeds, not {len(methods)}, {len(set(task))} and "
                          f"{len(set(seed))}: run more, or leave it out.")
  fixed = np.column_stack([np.ones(len(accuracy)), *([name == other for name in method] for other in others)])
  # One group of all observations, in which tasks and seeds are variance components, makes the two effects crossed.
  components = {"seed": _indicators(seed), "task": _indicators(task)}
  structure = mixed_linear_model.VCSpec(list(components), [[list(map(str, range(matrix.shape[1])))] for matrix in
                                                           components.values()], [[matrix] for matrix in
                                                                                  components.values()])
  scaled = 100 * np.asarray(accuracy, np.float64)  # Optimisers like numbers near one.
  model = mixed_linear_model.MixedLM(scaled, fixed.astype(np.float64), np.ones(len(accuracy)), exog_re=None,
                                     exog_vc=structure, use_sqrt=True)
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # A variance at zero warns about its own standard error, which is not used.
    found = model.fit(reml=True, method=["lbfgs", "powell"])
  if not found.converged or not np.isfinite(found.bse_fe).all():
    raise MixedModelError("The mixed model's fit did not converge. Leave it out, or add seeds.")
  corrected = holm([float(value) for value in found.pvalues[1:len(others) + 1]])
  effects = []
  for index, (name, p_value) in enumerate(zip(others, corrected), start=1):
    difference, width = float(found.fe_params[index]) / 100, 1.959964 * float(found.bse_fe[index]) / 100
    effects.append(Effect(name, difference, difference - width, difference + width, float(p_value or 0.0)))
  seed_variance, task_variance = (float(value) for value in found.vcomp)
  return Fit(tuple(effects), task_variance**0.5 / 100, seed_variance**0.5 / 100, float(found.scale)**0.5 / 100,
             len(accuracy))


def _indicators(values: Sequence[int]) -> np.ndarray:
  """float64 `[n, levels]`: which level each value is."""
  return pd.get_dummies(pd.Series(list(values)), dtype=np.float64).to_numpy()

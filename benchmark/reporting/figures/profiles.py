"""Performance profiles: how many runs and tasks end above an accuracy."""

import numpy as np

from benchmark.reporting.figures import families, style
from benchmark.results import methods, robust_means
from benchmark.results.records import Record
from lasem_tf.metrics import robust

_MAX_BANDS = 8
_THRESHOLDS = np.linspace(0.0, 1.0, 101)


def performance_profiles(name: str, title: str, groups: dict[str, list[Record]],
                         looks: methods.Looks | None = None) -> style.ReportFigure | None:
  """Share of runs and tasks whose final accuracy is above a threshold, for every threshold.

  Args:
    name: prefix of the file name.
    title: what the data are called.
    groups: completed runs of one panel by learner, all of the same tasks.
    looks: of these methods and more; by default of these alone.

  Returns:
    The figure; None without runs.
  """
  if not groups:
    return None
  looks = looks or methods.looks(groups)
  scores = {learner: np.concatenate(list(robust_means.final_scores(runs).values())) for learner, runs in groups.items()}
  figure, framed = families.frames(list(groups), "Final accuracy (%)", "Runs and tasks above it (%)")
  has_bands = len(groups) <= _MAX_BANDS
  for axis, _, members in framed:
    for learner in groups:
      if learner not in members:
        families.draw_background(axis, learner, 100 * _THRESHOLDS,
                                 100 * robust.performance_profile(scores[learner], _THRESHOLDS))
    for index, learner in enumerate(members):
      axis.plot(100 * _THRESHOLDS, 100 * robust.performance_profile(scores[learner], _THRESHOLDS),
                label=style.label(learner), markevery=families.mark_sparsely(len(_THRESHOLDS), index, len(members)),
                **style.line_options(learner, looks[learner]))
      low, high = robust.profile_band(scores[learner], _THRESHOLDS) if has_bands else (np.array([np.nan]),) * 2
      if not np.isnan(low).all():
        axis.fill_between(100 * _THRESHOLDS, 100 * low, 100 * high, color=looks[learner].colour, alpha=.12,
                          linewidth=0, gid=f"method:{learner}")
  families.add_legends(figure, framed)
  bands = (" Bands are pointwise 95 % intervals of a bootstrap of seeds, stratified by task." if has_bands else
           f" There are no bands where more than {_MAX_BANDS} methods are drawn.")
  stream = next(iter(groups.values()))[0].stream
  return style.ReportFigure(f"{name}-profiles", "Performance profiles", title,
                            "Share of all seeds and tasks whose final accuracy is above a threshold; a curve that lies "
                            f"above another everywhere is better whatever the threshold.{bands}", figure, stream)

"""Average ranks over panels, with bars over what was not shown to differ; only where there are ten panels or more."""

from collections.abc import Sequence

from benchmark.reporting.figures import style
from benchmark.results import comparison, measures, methods
from lasem_tf.metrics import average_ranks, power

_INCHES_PER_ROW = .24


def critical_differences(panels: Sequence[comparison.Panel]) -> style.ReportFigure | None:
  """Mean ranks of the methods that all panels have, by mean final accuracy over seeds.

  Args:
    panels: of a report.

  Returns:
    The figure, of no single stream; None for fewer than ten panels or three methods that all of them share.
  """
  values = _shared_values(panels)
  if len(panels) < average_ranks.FEWEST or len(values) < 3:
    return None
  found = average_ranks.average_ranks(values)
  names = list(found.ranks)
  num_rows = len(names) + len(found.groups)
  figure, axes = style.new_figure(7.2 + style.more_width(names), 1.0 + _INCHES_PER_ROW * num_rows)
  axis, looks = axes[0, 0], methods.looks(names)
  for row, name in enumerate(names):
    options = style.line_options(name, looks[name])
    axis.plot([found.ranks[name]], [row], **{**options, "linestyle": "none"})
  for number, group in enumerate(found.groups):
    ends = [found.ranks[group[0]], found.ranks[group[-1]]]
    axis.plot(ends, [len(names) + .3 + .8 * number] * 2, color=style.INK, linewidth=4, solid_capstyle="butt")
  axis.set_yticks(range(len(names)), [f"{style.label(name)}  {found.ranks[name]:.2f}" for name in names])
  axis.set_ylim(len(names) + .8 * len(found.groups) + .1, -.6)
  axis.set_xlim(.7, len(names) + .3)
  axis.set_xlabel("Average rank (1 is best)")
  return style.ReportFigure("critical_differences", "Average ranks", f"{found.num_data_sets} streams and scales",
                            _caption(found), figure, "")


def _shared_values(panels: Sequence[comparison.Panel]) -> dict[str, list[float]]:
  """Mean final accuracy by method, one for each panel, of those that every panel has."""
  own: list[dict[str, float]] = []
  for panel in panels:
    means = {row.learner: row.estimates[measures.FINAL.name].mean for row in panel.rows
             if not row.mixed and measures.FINAL.name in row.estimates}
    own.append({name: mean for name, mean in means.items() if mean is not None})
  return {name: [of_panel[name] for of_panel in own] for name in (own[0] if own else ())
          if all(name in of_panel for of_panel in own)}


def _caption(found: average_ranks.AverageRanks) -> str:
  least = 2.0 ** (1 - found.num_data_sets)
  num_pairs = len(found.ranks) * (len(found.ranks) - 1) // 2
  weak = (f" With {num_pairs} pairs and n = {found.num_data_sets} no pair can be shown to differ: the smallest "
          f"p is {least:.1g}." if num_pairs * least > power.LEVEL else "")
  return (f"Methods ranked by mean final accuracy over seeds in each of n = {found.num_data_sets} streams and scales "
          f"that all of them have; Friedman's test of equal ranks: p = {found.p_value:.2g}. A bar spans methods of "
          "which no pair was shown to differ (Wilcoxon's signed-rank tests, Holm-corrected, level "
          f"{power.LEVEL}), which is no sign of equality. The tests take streams as independent, which variants of one "
          f"are not.{weak}")

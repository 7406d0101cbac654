"""How fast accuracy comes: validation accuracy while tasks are learned."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.reporting.figures import families, style
from benchmark.results import methods
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails

Segment = tuple[np.ndarray, np.ndarray]  # Shares of a visit and accuracies there.


def learning_curves(name: str, title: str, groups: dict[str, list[Record]],
                    details: Mapping[str, RunDetails],
                    looks: methods.Looks | None = None) -> style.ReportFigure | None:
  """The best validation accuracy so far in each visit, by share of the visit's epochs, mean over seeds.

  By share, because a search that trains dozens of candidates would squeeze the curves of all others into a corner; and
  the best so far, because its accuracy starts from chance with every candidate.

  Args:
    name: prefix of the file name.
    title: what the data are called.
    groups: completed runs of one panel by learner.
    details: course of the runs, by identity.
    looks: of these methods and more; by default of these alone.

  Returns:
    The figure; None when no run has its course.
  """
  courses = {}
  for learner, runs in groups.items():
    found = [details[run.identity].epochs for run in runs if run.identity in details
             and details[run.identity].num_epochs]
    if found:
      courses[learner] = found
  if not courses:
    return None
  looks = looks or methods.looks(groups)
  figure, framed = families.frames(list(courses), "Tasks visited, each by share of its epochs",
                                   "Best validation accuracy so far (%)")
  for axis, _, members in framed:
    for index, learner in enumerate(members):
      visits = visit_curves(courses[learner])
      # What is not a number between visits breaks the line: no task goes on where another ended.
      x, y = (np.concatenate([np.append(part, np.nan) for part in parts])
              for parts in ([visit + shares for visit, (shares, _) in visits.items()],
                            [100 * accuracies for _, accuracies in visits.values()]))
      axis.plot(x, y, label=style.label(learner), linewidth=1.0,
                markevery=families.mark_segments([len(shares) for shares, _ in visits.values()], index, len(members)),
                **style.line_options(learner, looks[learner], size=4.2))
    style.count_whole(axis.xaxis)
  families.add_legends(figure, framed)
  missing = style.left_out({"the course of its runs was not kept": [own for own in groups if own not in courses]})
  return style.ReportFigure(
      f"{name}-learning_curves", "Learning curves", title,
      "Validation accuracy of the task being learned: the best that a visit has reached so far, with whatever a "
      "search tried, mean over seeds. All visits are equally wide, from their first epoch to their last, however many "
      f"epochs a method spends on them. Of long visits only some epochs are kept.{missing}", figure,
      next(iter(groups.values()))[0].stream)


def visit_curves(courses: Sequence[Mapping[str, list]]) -> dict[int, Segment]:
  """By visit: shares of its epochs, from 0 for the first to 1 for the last, and the mean of the best so far over runs.

  Runs that stopped at different epochs are read at the shares of the one with the most of them.

  Args:
    courses: columns of the epochs of each run, see `RunDetails.epochs`; visits without an accuracy are left out.
  """
  segments: dict[int, list[Segment]] = {}
  for epochs in courses:
    visits, numbers = np.array(epochs["visit"]), np.array(epochs["global_epoch"], dtype=float)
    accuracies = np.array(epochs["validation_accuracy"], dtype=float)  # None is not a number.
    for visit in np.unique(visits):
      own = visits == visit
      first, last = numbers[own].min(), numbers[own].max()
      known = own & ~np.isnan(accuracies)
      if known.any():
        shares = (numbers[known] - first) / (last - first) if last > first else np.ones(known.sum())
        segments.setdefault(int(visit), []).append((shares, np.maximum.accumulate(accuracies[known])))
  result = {}
  for visit in sorted(segments):
    shares = max((shares for shares, _ in segments[visit]), key=len)
    result[visit] = shares, np.mean([np.interp(shares, *segment) for segment in segments[visit]], axis=0)
  return result

"""The trials of a suite's tuning: all scores, what was chosen, what it cost. No TensorFlow here."""

from collections.abc import Callable, Sequence

import pandas as pd

from benchmark.reporting import cells
from benchmark.reporting.cells import Cell
from benchmark.results import choice as choice_lib, methods
from benchmark.suites import tuning

COLUMNS = ("Learner", "Stream", "Variant", "Validation after learning (%)", "Validation final (%)", "CPU time (s)",
           "Outcome")
# How long each column stays where a page has no room for all: 0 longest.
RANKS = (0, 6, 1, 3, 2, 5, 4)
CSV_COLUMNS = ("stream", "learner", "variant", "validation_after_learning", "validation_final", "cpu_seconds", "chosen",
               "state", "protocol", "num_trials")


def section(choices: Sequence[choice_lib.Choice],
            render: Callable[[Sequence[str], Sequence[Sequence[Cell]]], str]) -> str:
  """A caption and a table with every trial; '' where nothing was tuned.

  Args:
    choices: of a suite.
    render: makes text of columns and rows, such as `cells.markdown_table`.
  """
  if not choices:
    return ""
  return f"{caption(choices)}\n\n{render(COLUMNS, rows(choices))}\n"


def caption(choices: Sequence[choice_lib.Choice]) -> str:
  """By which protocols the choices were made, by which rule, and at what cost."""
  margin = " or ".join(sorted({f"{100 * choice.tuning['margin']:g}" for choice in choices}))
  seconds = sum(trial.cpu_seconds for choice in choices for trial in choice.trials)
  protocols = "; ".join(sorted({tuning.describe(choice.tuning) for choice in choices}))
  return (f"Tuning: {protocols} per learner. Chosen: of the trials whose validation accuracy right after learning, "
          f"averaged over tasks and seeds, is within {margin} points of the best, the one with the highest final "
          f"validation accuracy. Test images decide nothing. All trials together took {seconds:,.1f} s of CPU time.")


def rows(choices: Sequence[choice_lib.Choice]) -> list[list[Cell]]:
  """A row for every trial, in the order of `COLUMNS`."""
  lines = []
  for choice in choices:
    chosen = choice.chosen
    verdict = "; ".join(["chosen", *(f"{name} at an end of its grid" for name in choice.at_an_end)])
    for trial in choice.trials:
      scores = [Cell(cells.GAP) if score is None else Cell(f"{100 * score:.2f}", value=score)
                for score in trial.score or (None, None)]
      outcome = trial.state or (verdict if trial is chosen else "")
      lines.append([Cell(methods.learner_label(choice.method), value=choice.method),
                    Cell(choice.stream, value=choice.stream),
                    Cell(methods.variant_label(trial.learner), is_best=trial is chosen, value=trial.learner), *scores,
                    Cell(f"{trial.cpu_seconds:,.1f}", value=trial.cpu_seconds), Cell(outcome, value=outcome)])
  return lines


def frame(choices: Sequence[choice_lib.Choice]) -> pd.DataFrame:
  """A row for every trial, accuracies as fractions."""
  found = []
  for choice in choices:
    for trial in choice.trials:
      learning, final = trial.score or (None, None)
      found.append((choice.stream, choice.method, trial.learner, learning, final, trial.cpu_seconds,
                    trial is choice.chosen, trial.state or "completed", choice.tuning["protocol"],
                    choice.tuning["num_trials"]))
  return pd.DataFrame(found, columns=list(CSV_COLUMNS))

"""What a reader of a panel's numbers should be wary of: few seeds, unfinished training, several kinds of processors."""

import dataclasses
from collections.abc import Mapping, Sequence

from benchmark.reporting import cells, flatness
from benchmark.results import comparison
from lasem_tf.metrics import curves, paired

_MOST_NAMED = 4
CRITERION = (
    "Short of flat: from the last fifth but one of a visit's recorded epochs to the last fifth, the mean training loss "
    f"fell by more than {100 * curves.FALL_LIMIT:.0f} % of the way from the visit's largest loss to the mean of the "
    "last fifth, and by more than two standard errors of that difference. Methods are named where most visits ended "
    "so; longer training would change their numbers.")


@dataclasses.dataclass(frozen=True)
class Caution:
  """One thing to be wary of.

  Attributes:
    text: a sentence or two, short enough to be read first.
    rest: what they leave out, such as long lists of methods; '' where that is nothing.
  """

  text: str
  rest: str = ""


def of_panel(panel: comparison.Panel, endings: Mapping[str, flatness.Flatness]) -> list[Caution]:
  """What holds of a panel.

  Args:
    panel: the aggregates.
    endings: how the visits of its methods ended, by learner.
  """
  return [*_few_seeds(panel), *_not_flat(panel, endings), *_several_devices(panel)]


def _few_seeds(panel: comparison.Panel) -> list[Caution]:
  run = [row for row in panel.rows if row.num_completed]
  few = [row for row in run if row.num_completed < paired.FEWEST_PAIRS]
  if not few:
    return []
  numbers = sorted({row.num_completed for row in few})
  seeds = f"{'-'.join(map(str, numbers[:1] + numbers[1:][-1:]))} seed{'s' * (numbers[-1] > 1)}"
  text = f"Few seeds: {seeds} of {{}}. Fewer than {paired.FEWEST_PAIRS} leave wide intervals and are not tested."
  return [_caution(panel, text, "Few seeds", few, run)]


def _not_flat(panel: comparison.Panel, endings: Mapping[str, flatness.Flatness]) -> list[Caution]:
  run = [row for row in panel.rows if row.num_completed]
  judged = [row for row in run if row.learner in endings and endings[row.learner].num_judged]
  falling = [row for row in judged if endings[row.learner].is_short_of_flat]
  short = [row for row in run if row.learner in endings and endings[row.learner].num_short]
  unknown = [row for row in run if row.learner not in endings]
  found = []
  if falling:
    visits = sum(endings[row.learner].num_judged for row in falling)
    fell = sum(endings[row.learner].num_falling for row in falling)
    found.append(_caution(panel, f"Training ended short of flat in {fell} of {visits} visits of {{}}.", "Short of flat",
                          falling, judged))
  if short:
    found.append(_caution(panel, f"Visits of fewer than {curves.FEWEST_EPOCHS} recorded epochs, too few to tell "
                          "whether training loss was flat: {}.", "Visits of few recorded epochs", short, run))
  if unknown:
    found.append(_caution(panel, "Whether training loss was flat at the end of visits is unknown, as the course was "
                          "not kept, of {}.", "Course not kept", unknown, run))
  return found


def _several_devices(panel: comparison.Panel) -> list[Caution]:
  if len(panel.devices) < 2:
    return []
  return [Caution(f"{cells.timed_measures(panel) or 'Times'} may be compared only within one of the "
                  f"{len(panel.devices)} kinds of processors that were used.", cells.of_several_devices(panel))]


def _caution(panel: comparison.Panel, text: str, topic: str, some: Sequence[comparison.Row],
             of_all: Sequence[comparison.Row]) -> Caution:
  """The text with methods in place of '{}': 'A, B', 'all 24 methods', '21 of 24 methods, not of X', or their number."""
  labels = panel.short_labels
  own, others = ([labels[row.learner] for row in of_all if (row in some) == is_own] for is_own in (True, False))
  if not others and len(own) > 1:
    return Caution(text.format(f"all {len(own)} methods" if len(own) > 2 else "both methods"))
  if len(own) <= _MOST_NAMED:
    return Caution(text.format(", ".join(own)))
  count = f"{len(own)} of {len(of_all)} methods"
  if len(others) <= _MOST_NAMED:
    return Caution(text.format(f"{count}, not of {', '.join(others)}"))
  return Caution(text.format(count), f"{topic}: {', '.join(own)}.")

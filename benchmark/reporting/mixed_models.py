"""Tables of mixed models, where a report asks for them."""

from collections.abc import Iterator, Sequence

from benchmark.reporting import cells, comparisons
from benchmark.reporting.cells import Cell
from benchmark.results import comparison, methods
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from lasem_tf.metrics import lifelong, mixed_model

CAPTION = f"Mixed model of final accuracy: methods fixed, tasks and seeds random and crossed. {mixed_model.ASSUMPTION}"


def tables(records: Sequence[Record], panels: Sequence[comparison.Panel]
           ) -> Iterator[tuple[comparison.Panel, str, list[str], list[tuple[str, list[Cell]]]]]:
  """Yields panel, title, columns and (learner, cells) rows: a table for every panel with a baseline.

  Raises:
    RecordError: no panel has a baseline, or a model cannot be fitted.
  """
  if not any(panel.baseline for panel in panels):
    raise RecordError("--mixed_model needs a method to compare with: name one by --baseline, such as stl.")
  for panel in panels:
    if panel.baseline is None:
      continue
    fitted = _fit(records, panel)
    label = methods.learner_label(panel.baseline)
    rows = [(effect.method, [Cell(methods.learner_label(effect.method), value=effect.method),
                             Cell(f"{100 * effect.difference:+.2f}", value=effect.difference),
                             Cell(f"{100 * effect.low:+.2f} to {100 * effect.high:+.2f}", value=effect.low),
                             Cell(comparisons.p_value_text(effect.p_value), value=effect.p_value)])
            for effect in fitted.effects]
    title = (f"{cells.panel_title(panel)}: mixed model, standard deviations of tasks "
             f"{100 * fitted.task_deviation:.2f}, of seeds {100 * fitted.seed_deviation:.2f}, of errors "
             f"{100 * fitted.error_deviation:.2f} pp")
    yield panel, title, ["Learner", f"Final - {label} (pp)", "95 % interval", "p"], rows


def markdown(records: Sequence[Record], panels: Sequence[comparison.Panel]) -> str:
  """The tables with their caption."""
  parts = [f"### {cells.escape_markdown(title)}\n\n{cells.markdown_table(columns, [line for _, line in rows])}\n"
           for _, title, columns, rows in tables(records, panels)]
  return "\n".join([*parts, CAPTION]) + "\n"


def _fit(records: Sequence[Record], panel: comparison.Panel) -> mixed_model.Fit:
  comparable = {row.learner for row in panel.rows if not row.mixed}
  observations = [(record.learner, task, record.seed, accuracy) for record in records
                  if record.is_completed and record.learner in comparable
                  and (record.stream, record.scale) == (panel.stream, panel.scale)
                  for task, accuracy in zip(record.matrix.task_ids, lifelong.final_per_task(record.matrix).tolist())]
  try:
    method, task, seed, accuracy = map(list, zip(*observations))
    return mixed_model.fit(method, task, seed, accuracy, str(panel.baseline))
  except mixed_model.MixedModelError as error:
    raise RecordError(f"{panel.stream} ({panel.scale}): {error}") from error

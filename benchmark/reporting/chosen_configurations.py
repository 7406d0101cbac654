"""Which layers each search chose to share, task by task. No TensorFlow here."""

from collections.abc import Callable, Sequence

from benchmark.reporting.cells import Cell
from benchmark.results import methods
from benchmark.results.records import identity_key, Record


def section(records: Sequence[Record], render: Callable[[Sequence[str], Sequence[Sequence[Cell]]], str]) -> str:
  """A table with a row for every completed run that searched and a column for every task; '' if none searched.

  Args:
    records: runs of a suite. A run searched if its network held both routes of a layer at some time.
    render: makes text of columns and rows, such as `cells.markdown_table`.
  """
  searched = [record for record in sorted(records, key=identity_key)
              if record.is_completed and record.result["parameters"].get("super_network") is not None]
  if not searched:
    return ""
  num_tasks = max(len(record.result["configurations"]) for record in searched)
  rows = []
  for record in searched:
    chosen = [bits or "" for bits in record.result["configurations"]]
    rows.append([Cell(methods.learner_label(record.learner), value=record.learner),
                 Cell(record.stream, value=record.stream), Cell(str(record.seed)),
                 *map(Cell, chosen + [""] * (num_tasks - len(chosen)))])
  columns = ["Learner", "Stream", "Seed", *(f"Task {task}" for task in range(num_tasks))]
  return ("Chosen transfer configurations, from the layer nearest the input; 1 = shared.\n\n"
          f"{render(columns, rows)}\n")

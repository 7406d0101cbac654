"""What searches decided: the chosen transfer configurations, and LASEM's prior on the way there."""

import math
from collections.abc import Mapping

import numpy as np

from benchmark.reporting.figures import style
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from lasem_tf.selection.configuration import TransferConfiguration

_MAX_CONFIGURATIONS = 16
_MAX_TICKS, _MAX_LAYER_TICKS = 20, 12
_SEARCHES = ("lasem", "darts", "exhaustive")


def configuration_grid(name: str, title: str, groups: dict[str, list[Record]]) -> style.ReportFigure | None:
  """Share of seeds in which each task shares each layer, one grid per method that chooses.

  Args:
    name: prefix of the file name.
    title: what the data are called.
    groups: completed runs of one panel by learner.

  Returns:
    The figure; None when no method chooses.
  """
  grids = {learner: shares for learner, runs in groups.items() if (shares := _shares(runs)) is not None}
  if not grids:
    return None
  num_tasks = max(grid.shape[0] for grid in grids.values())
  width = max(3.0, .32 * min(num_tasks, _MAX_TICKS) + 1.2)
  columns = max(1, min(3, len(grids), int(style.MOST_INCHES // width)))
  rows = math.ceil(len(grids) / columns)
  figure, axes = style.new_figure(width * columns + .6, 1.9 * rows + .5, rows, columns)
  style.draw_share_maps(figure, axes, {learner: grid.T for learner, grid in grids.items()}, "Share of seeds")
  for axis, grid in zip(axes.flat, grids.values()):
    style.number_cells(axis.xaxis, grid.shape[0], _MAX_TICKS)
    style.number_cells(axis.yaxis, grid.shape[1], _MAX_LAYER_TICKS, first=1)
    axis.set_xlabel("Task")
    axis.set_ylabel("Layer (1 = input)")
  return style.ReportFigure(f"{name}-configurations", "Chosen transfer configurations", title,
                            "For each task and layer, the share of seeds in which the task uses the shared weights.",
                            figure,
                            next(iter(groups.values()))[0].stream)


def prior_evolution(name: str, title: str, groups: dict[str, list[Record]],
                    details: Mapping[str, RunDetails]) -> style.ReportFigure | None:
  """LASEM's prior over epochs for the first seed of each method that logged one; arguments as `configuration_grid`."""
  shown = {}
  for learner, runs in groups.items():
    for run in sorted(runs, key=lambda run: run.seed):
      found = details.get(run.identity)
      if found is not None and any(prior is not None for prior in found.epochs["prior"]):
        shown[learner] = (run, found)
        break
  if not shown:
    return None
  columns = min(2, len(shown))
  rows = math.ceil(len(shown) / columns)
  figure, axes = style.new_figure(7.2 if columns == 1 else 6.2 * columns, 2.9 * rows + .3, rows, columns)
  for axis in axes.flat[len(shown):]:
    axis.set_visible(False)
  for axis, (learner, (run, found)) in zip(axes.flat, shown.items()):
    mesh = _draw_prior(axis, found)
    axis.set_title(f"{style.label(learner)}, seed {run.seed}")
    for own in (axis, style.colour_bar(figure, mesh, axis, "Prior").ax):
      own.set_gid(f"method:{learner}")
    axis.set_xlabel("Epoch (over all tasks)")
  return style.ReportFigure(
      f"{name}-prior", "LASEM's prior over epochs", title,
      "One row per transfer configuration: one digit per layer, or per group of layers, from the input side, "
      "1 = shared; white lines separate tasks. Blank where a visit ran no search.", figure,
      next(iter(groups.values()))[0].stream)


def configuration_bits(index: int, num_configurations: int) -> str:
  """The digits of LASEM's configuration `index`, from the input side, 1 = shared; the index where 2^L does not fit.

  A digit is a layer, or in LASEM-G a group of layers: records tell only how many configurations there are.
  """
  num_layers = num_configurations.bit_length() - 1
  if num_configurations != 1 << num_layers:
    return f"configuration {index}"
  return str(TransferConfiguration.from_index(index, (1,) * num_layers))


def _shares(runs: list[Record]) -> np.ndarray | None:
  """`[tasks, layers]`: share of runs whose bit is 1, NaN where a task has none; None if there is nothing to show."""
  chosen = [run.result["configurations"] for run in runs]
  lengths = {len(bits) for tasks in chosen for bits in tasks if bits is not None}
  varies = len({bits for tasks in chosen for bits in tasks}) > 1
  if len(lengths) != 1 or not (varies or runs[0].learner.startswith(_SEARCHES)):
    return None
  num_layers = lengths.pop()
  votes = np.array([[[float(bit) for bit in bits] if bits is not None else [np.nan] * num_layers for bits in tasks]
                    for tasks in chosen])
  known = ~np.isnan(votes)
  return np.where(known.any(axis=0), np.where(known, votes, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)


def _draw_prior(axis, details: RunDetails):
  priors = details.epochs["prior"]
  num_configurations = max(len(prior) for prior in priors if prior is not None)
  values = np.full((num_configurations, len(priors)), np.nan)
  for column, prior in enumerate(priors):
    if prior is not None:
      values[:len(prior), column] = prior
  order = np.arange(num_configurations)
  if num_configurations > _MAX_CONFIGURATIONS:
    # Hundreds of rows cannot be read: keep those that ever mattered most, in their own order.
    order = np.sort(np.argsort(-np.nanmax(values, axis=1), kind="stable")[:_MAX_CONFIGURATIONS])
  epochs = np.array(details.epochs["global_epoch"], dtype=float)
  edges = np.append(epochs, epochs[-1] + (epochs[-1] - epochs[-2] if len(epochs) > 1 else 1))
  mesh = axis.pcolormesh(edges, np.arange(len(order) + 1), np.ma.masked_invalid(values[order]), cmap="cividis", vmin=0,
                         vmax=1, rasterized=True)
  visits = details.epochs["visit"]
  for column in range(1, len(visits)):
    if visits[column] != visits[column - 1]:
      axis.axvline(epochs[column], color="#ffffff", linewidth=.8)
  axis.set_yticks(np.arange(len(order)) + .5, [configuration_bits(int(index), num_configurations) for index in order],
                  fontsize=8)
  axis.invert_yaxis()
  axis.grid(False)
  return mesh

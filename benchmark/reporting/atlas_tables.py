"""The transfer atlas as tables. No TensorFlow here."""

from collections.abc import Sequence

import pandas as pd

from benchmark.reporting import atlas, cells
from benchmark.reporting.atlas import Pair
from benchmark.reporting.cells import Cell
from benchmark.results import measures, methods, texts
from lasem_tf.metrics import statistics

TITLE = "Transfer atlas: what each layer gives the next task"
EXPLANATION = (
    "A run learns the source, then the target, with one configuration for both. Target: its accuracy right after "
    "learning less that of STL on the same seed; source: its accuracy after the target less its accuracy before. Layer "
    "l (1 = input): what sharing it adds, by least squares over all configurations (STL shares none); with all of them "
    "that is the mean of those that share it less the mean of the others. Best layers: configuration of the highest "
    "mean gain of the target, chosen by the same data, so it looks better than it is; 1 = shared. Declared: what the "
    "stream says is best for the target after its bank. Percentage points, mean ± half-width of the 95 % t-interval "
    "over n seeds, not corrected for their number; bold (* in a terminal): it excludes zero. All configurations are in "
    "atlas.csv.")
_SUBJECTS = {atlas.GAIN.name: "target", atlas.SOURCE_CHANGE.name: "source"}
_POINTS = measures.Measure("gain", "Gain", "pp", 100, 2, "higher", "")
_MOST_NAMED = 5


def columns(pairs: Sequence[Pair]) -> list[str]:
  """The headings; a column for every layer of the deepest network."""
  return ["Source", "Target", "Stream", "Sharing", "Of", "n", *(f"Layer {layer + 1}" for layer in range(_depth(pairs))),
          "Best layers", "With them", "Declared", "With it"]


def lines(pairs: Sequence[Pair]) -> list[list[Cell]]:
  """Two rows for every pair: the target's gain and the source's change."""
  return [_line(pair, measure, _depth(pairs)) for pair in pairs for measure in atlas.MEASURES]


def remarks(pairs: Sequence[Pair]) -> list[str]:
  """What the columns mean, how methods were tuned, and which runs have no result."""
  told = [EXPLANATION, *filter(None, [cells.tuning_remark([pair.panel for pair in pairs])])]
  gaps = [f"{row.label}, tasks {pair.source} and {pair.target}: {gap}"
          for pair in pairs for row in pair.panel.rows for gap in row.gaps]
  if not gaps:
    return told
  more = f"; and {len(gaps) - _MOST_NAMED} more" if len(gaps) > _MOST_NAMED else ""
  return [*told, f"Without a result, and left out: {'; '.join(gaps[:_MOST_NAMED])}{more}."]


def markdown(pairs: Sequence[Pair]) -> str:
  """The content of `atlas.md`."""
  return "\n".join([f"### {TITLE}\n", f"{cells.markdown_table(columns(pairs), lines(pairs))}\n",
                    *(f"{cells.escape_markdown(remark)}\n" for remark in remarks(pairs))])


def plain(pairs: Sequence[Pair]) -> str:
  """The same for a terminal."""
  return "\n".join([f"{TITLE}\n", f"{cells.plain_table(columns(pairs), lines(pairs))}\n", *remarks(pairs)])


def files(pairs: Sequence[Pair]) -> dict[str, str]:
  """Contents by name: the table, all configurations, and what is known of layers; in CSV as fractions."""
  layers = _layers(pairs)
  return {"atlas.md": markdown(pairs), "atlas.csv": _csv(_configurations(pairs)),
          **({"atlas_layers.csv": _csv(layers)} if layers else {})}


def _configurations(pairs: Sequence[Pair]) -> list[dict[str, object]]:
  return [{**_key(pair), "configuration": each.configuration,
           "declared_best": each.configuration == pair.best if pair.best else None,
           "n": each.estimates[atlas.GAIN.name].n, **_values("gain", each.estimates[atlas.GAIN.name]),
           **_values("source_change", each.estimates[atlas.SOURCE_CHANGE.name])}
          for pair in pairs for each in pair.transfers]


def _layers(pairs: Sequence[Pair]) -> list[dict[str, object]]:
  found = []
  for pair in pairs:
    for layer, (gain, change) in enumerate(zip(*(pair.layers.get(measure.name, ()) for measure in atlas.MEASURES))):
      declared = int(pair.best[layer]) if pair.best else None
      found.append({**_key(pair), "layer": layer + 1, "declared_shared": declared, "n": gain.n,
                    **_values("gain", gain), **_values("source_change", change)})
  return found


def _key(pair: Pair) -> dict[str, object]:
  return {"stream": pair.stream, "scale": pair.scale, "knowledge": pair.knowledge, "source": pair.source,
          "target": pair.target}


def _values(name: str, estimate: statistics.Estimate) -> dict[str, object]:
  low, high = estimate.interval or (None, None)
  return {f"{name}_mean": estimate.mean, f"{name}_half_width": estimate.half_width, f"{name}_low": low,
          f"{name}_high": high}


def _csv(rows: list[dict[str, object]]) -> str:
  return texts.csv_table(pd.DataFrame(rows), float_format="%.10g")


def _line(pair: Pair, measure: measures.Measure, depth: int) -> list[Cell]:
  layers = pair.layers.get(measure.name, ())
  leader, declared = pair.leader, pair.transfer(pair.best)
  seeds = leader.estimates[measure.name].n if leader else 0
  return [
      Cell(str(pair.source), value=pair.source), Cell(str(pair.target), value=pair.target),
      Cell(pair.stream, value=pair.stream), Cell(methods.learner_label(pair.knowledge), value=pair.knowledge),
      Cell(_SUBJECTS[measure.name], value=_SUBJECTS[measure.name]), Cell(str(seeds), value=seeds),
      *(_cell(layers[layer] if layer < len(layers) else None) for layer in range(depth)),
      _text(leader.configuration if leader else None), _cell(leader.estimates[measure.name] if leader else None),
      _text(pair.best), _cell(declared.estimates[measure.name] if declared else None)]


def _cell(estimate: statistics.Estimate | None) -> Cell:
  return Cell(cells.estimate_text(estimate, _POINTS), is_best=estimate is not None and estimate.excludes_zero,
              value=None if estimate is None else estimate.mean)


def _text(bits: str | None) -> Cell:
  return Cell(bits or cells.GAP, value=bits or "")


def _depth(pairs: Sequence[Pair]) -> int:
  return max((len(each.configuration) for pair in pairs for each in pair.transfers), default=0)

"""One self-contained HTML page of a report: tables, figures, and every run's configuration and provenance.

The page loads nothing: styles, script, figures and data are inside, and a content security policy forbids requests.
Configurations of a suite differ in few lines, so the page stores each distinct line once.
"""

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe

from benchmark.reporting import cells, comparisons, differences_in_words, mixed_models, prediction_tables, takeaway
from benchmark.reporting.figures import style
from benchmark.results import comparison, measures, methods, robust_means, texts
from benchmark.results.predictions.summaries import Summary
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from benchmark.results.status import RECORDED, Status
from lasem_tf.metrics import lifelong

_RUN_MEASURES = (measures.PEAK, measures.FINAL, measures.FORGETTING, measures.BACKWARD_TRANSFER, measures.CPU_SECONDS)
# A figure of more points shows its letters of 8 points with less than nine pixels in half of a page of 1280 pixels.
MOST_POINTS_OF_HALF_A_PAGE = 524
# Their contrast with the dark theme's panels is below 3:1; the style sheet has lighter ones for it.
_DARK_COLOURS = {"#882255": "--wine", "#8c564b": "--brown"}


@dataclasses.dataclass(frozen=True)
class Table:
  """A table of the page.

  Attributes:
    title: heading.
    columns: headings of the columns.
    rows: `(learner, stream, cells)` per row; learner or stream may be empty for rows that no filter hides.
    stream: the stream the whole table belongs to; empty for several.
    ranks: by column, the order in which columns give way where the page is narrow, the largest first; by default the
      last column is the first to go.
  """

  title: str
  columns: Sequence[str]
  rows: Sequence[tuple[str, str, Sequence[cells.Cell]]]
  stream: str = ""
  ranks: Sequence[int] = ()


@dataclasses.dataclass(frozen=True)
class Explained:
  """A table of its own kind.

  Attributes:
    table: the table.
    sentences: below it: what its columns mean, and what else its reader should know.
  """

  table: Table
  sentences: Sequence[str]


@dataclasses.dataclass(frozen=True)
class PageContent:
  """Everything a page shows.

  Attributes:
    title: heading.
    records: finished runs.
    panels: their aggregates.
    per_task_tables: a table per panel and measure.
    published: published numbers beside the measured ones; None where there are none of the streams.
    figures: drawings.
    details: configurations and course of runs, by identity.
    mixed_models: tables of a model over all panels.
    tuning: what was tuned.
    tuning_caption: what its columns mean.
    predictions: of runs, by identity.
    selection: how well layers were chosen, a row for every learner that chose; None where nothing chose.
    atlas: what tasks gain from one learned before; None where no runs are of an atlas.
    atlas_panels: what was compared for it.
    links: words and addresses of further pages.
  """

  title: str
  records: Sequence[Record]
  panels: Sequence[comparison.Panel]
  per_task_tables: Sequence[Table]
  published: Table | None
  figures: Sequence[style.RenderedFigure]
  details: Mapping[str, RunDetails]
  mixed_models: Sequence[Table] = ()
  tuning: Table | None = None
  tuning_caption: str = ""
  predictions: Mapping[str, Summary] = dataclasses.field(default_factory=dict)
  selection: Explained | None = None
  atlas: Explained | None = None
  atlas_panels: Sequence[comparison.Panel] = ()
  links: Sequence[tuple[str, str]] = ()

  @property
  def all_panels(self) -> Sequence[comparison.Panel]:
    """Those of the atlas, too."""
    return [*self.panels, *self.atlas_panels]


def render(content: PageContent) -> str:
  """The page as HTML text; equal for equal content."""
  environment = jinja2.Environment(loader=jinja2.PackageLoader("benchmark.reporting", "templates"), autoescape=True,
                                   trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
  environment.filters["sort_value"] = cells.sort_value
  environment.filters["unbroken"] = _unbroken
  learners = list(dict.fromkeys(row.learner for panel in content.panels for row in panel.rows))
  return environment.get_template("page.html").render(
      title=texts.printable(content.title), summary=_summary(content),
      streams=sorted({panel.stream for panel in content.all_panels}),
      learners=[(name, methods.learner_label(name), _themed(methods.look(name).colour)) for name in learners],
      tables=[_panel_table(panel) for panel in content.panels], per_task_tables=content.per_task_tables,
      published=content.published, tuning=content.tuning, tuning_caption=content.tuning_caption,
      figures=_figures_by_stream(content),
      findings=[takeaway.of_panel(panel, content.records, content.details) for panel in content.panels],
      findings_caption=differences_in_words.CAPTION, runs=_runs_table(content.records),
      data=_data(content.records, content.details), caption=comparisons.caption(content.panels),
      short_caption=comparisons.short_caption(content.panels),
      definitions=cells.definitions(content.panels), differences=_difference_tables(content),
      mixed_models=content.mixed_models, mixed_caption=mixed_models.CAPTION, **_predictions(content),
      differences_caption=comparisons.details_caption(), selection=content.selection,
      atlas=content.atlas, links=content.links)


def _themed(text: str) -> str:
  """The text with the page's variables for colours that are too dark for its dark theme."""
  return re.sub("|".join(_DARK_COLOURS), lambda found: f"var({_DARK_COLOURS[found[0].lower()]})", text,
                flags=re.IGNORECASE)


def _unbroken(sentence: str) -> str:
  """The sentence with blanks that do not break a line inside its numbers, '-0.82 ± 1.73 pp' and 'n = 10'."""
  return re.sub(r"(?<=n) (?==)|(?<==) (?=\d)|(?<=\d) (?=[±%]|pp)|(?<=±) (?=\d)", "\u00a0", sentence)


def _figures_by_stream(content: PageContent) -> list[tuple[str, list]]:
  """By data: the figures with their drawings, width in points, and whether they need the page's whole width."""
  groups: dict[str, list] = {}
  for figure in content.figures:
    points = round(figure.points)
    groups.setdefault(figure.data, []).append((figure, _inline_svg(figure), points,
                                               points > MOST_POINTS_OF_HALF_A_PAGE))
  return list(groups.items())


def _summary(content: PageContent) -> list[tuple[str, str, str]]:
  """Name, value, and what is folded behind the value, if anything."""
  compared = [record for record in content.records if not record.named.is_trial]
  completed = sum(record.is_completed for record in compared)
  commits = sorted({str(record.provenance.get("commit") or "unknown")[:12] for record in content.records})
  devices = sorted({str(record.provenance.get("device") or "unknown") for record in content.records})
  streams = sorted({cells.panel_title(panel) for panel in content.all_panels})
  counts = {str(status): sum(record.status == status for record in compared)
            for status in RECORDED if status != Status.COMPLETED}
  # A gap is a run that ended without a result, or one without a record.
  not_run = sum(len(row.gaps) for panel in content.all_panels for row in panel.rows) - sum(counts.values())
  runs = [f"{count} {kind}" for kind, count in (("completed", completed), *counts.items(), ("not run", not_run))
          if count or kind == "completed"]
  num_trials = len(content.records) - len(compared)
  folded = ", ".join(commits) if len(commits) > 1 else ""
  return [("Runs", ", ".join(runs), ""), *([("Trials of tuning", str(num_trials), "")] if num_trials else []),
          ("Methods", str(len({row.learner for panel in content.all_panels for row in panel.rows})), ""),
          ("Data", "; ".join(streams), ""), ("Devices", "; ".join(devices), ""),
          ("Commits", str(len(commits)) if folded else ", ".join(commits), folded)]


def _predictions(content: PageContent) -> dict[str, Any]:
  """What the template shows of predictions; empty tables where there are none."""
  shown = content.records, content.panels, content.predictions
  tables = {name: [Table(title, columns, [(learner, panel.stream, line) for learner, line in rows], panel.stream,
                         prediction_tables.ranks(columns))
                   for panel, title, columns, rows in make(*shown)]
            for name, make in (("calibration", prediction_tables.calibration), ("mcnemar", prediction_tables.mcnemar))}
  return {**tables, "confusions": prediction_tables.confusions(*shown),
          "calibration_caption": prediction_tables.CAPTION, "mcnemar_caption": prediction_tables.MCNEMAR_CAPTION}


def _panel_table(panel: comparison.Panel) -> Table:
  headings = comparisons.headings(panel)
  return Table(cells.panel_title(panel), headings,
               [(row.learner, panel.stream, comparisons.row_cells(panel, row)) for row in panel.rows], panel.stream,
               comparisons.ranks(panel, headings))


def _difference_tables(content: PageContent) -> list[Table]:
  means = robust_means.of_final_accuracy(content.records)
  return [Table(f"{cells.panel_title(panel)}: {title}", columns,
                [(row.learner, panel.stream, line) for row, line in rows], panel.stream)
          for panel, title, columns, rows in comparisons.tables(content.panels, means)]


def _runs_table(records: Sequence[Record]) -> Table:
  rows = []
  for record in records:
    cell = cells.Cell
    line = [
        cell(record.identity, value=record.identity),
        cell(methods.learner_label(record.learner), value=record.learner),
        cell(record.stream, value=record.stream),
        cell(str(record.seed), value=record.seed),
        cell(record.status, value=record.status)
    ]
    values = {} if not record.is_completed else {
        **dataclasses.asdict(lifelong.summarise(record.matrix)),
        "cpu_seconds": record.provenance.get("cpu_seconds", math.nan)}
    for measure in _RUN_MEASURES:
      value = values.get(measure.name, math.nan)  # NaN too where a mean is over no task.
      line.append(cell(cells.GAP) if math.isnan(value) else cell(measure.render(value), value=value))
    rows.append(("" if record.named.is_trial else record.learner, record.stream, line))
  columns = ["Run", "Learner", "Stream", "Seed", "Status", *(measure.heading for measure in _RUN_MEASURES)]
  # A run's name says its stream, learner and seed.
  by_rank = ["Run", measures.FINAL.heading, "Status", *columns[5:], "Learner", "Seed", "Stream"]
  return Table("Runs", columns, rows, ranks=[by_rank.index(column) for column in columns])


def _data(records: Sequence[Record], details: Mapping[str, RunDetails]) -> markupsafe.Markup:
  """Configuration and provenance of every run as JSON that cannot end its script element."""
  lines: dict[str, int] = {}

  def pool(text: str) -> list[int]:
    return [lines.setdefault(line, len(lines)) for line in text.splitlines()]

  runs = {}
  for record in records:
    found = details.get(record.identity)
    result = record.result
    facts = {"identity": record.identity, "status": record.status, "reason": result["reason"],
             "configuration_hash": result["configuration_hash"], "stream": result["stream"]["display_name"],
             "design_fingerprint": result["stream"]["design_fingerprint"],
             "data_fingerprint": result["stream"]["data_fingerprint"], "task_order": result["stream"]["task_order"],
             "counts": result["stream"]["counts"], "configurations": result["configurations"],
             "parameters": result["parameters"],
             **{name: result[name] for name in ("variant", "tuning") if result.get(name)}}
    runs[record.identity] = {
        "result": pool(_one_key_a_line(facts)),
        "provenance": pool(_one_key_a_line(record.provenance)),
        "operative": pool(found.operative if found else ""),
        "requested": pool(found.requested if found else "")
    }
  text = json.dumps({"lines": list(lines), "runs": runs}, separators=(",", ":"))
  return markupsafe.Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _one_key_a_line(block: Mapping) -> str:
  return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in block.items())


def _inline_svg(figure: style.RenderedFigure) -> markupsafe.Markup:
  """The figure for use inside HTML: scalable, named for screen readers, in the page's ink and fonts."""
  svg = _themed(figure.svg[figure.svg.index("<svg"):].replace(style.INK, "currentColor"))
  svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
  label = markupsafe.escape(figure.title)
  # Ids must be unique in a page of many drawings.
  prefix = re.sub(r"[^A-Za-z0-9]", "_", figure.name)
  svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
  svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)
  return markupsafe.Markup(
      # The digest lets `benchmark.report --check` compare what is drawn, whoever drew it.
      re.sub(r'<svg ([^>]*?)width="[^"]*"', rf'<svg role="img" data-digest="{figure.digest}" aria-label="{label}" \1',
             svg, count=1).replace(' height="', ' data-height="', 1))

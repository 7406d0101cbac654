"""The page's tables, findings and data; how it behaves in a browser is in `test_page_browser`."""

import json
import re

import pytest

from benchmark.reporting import page
from benchmark.reporting.figures import style
from benchmark.results import comparison
from benchmark.results.run_details import RunDetails
from tests.benchmark import synthetic_records
from tests.benchmark.synthetic_records import constant


def _render(runs, details=None, figures=(), title="Title", published=None) -> str:
  return page.render(page.PageContent(title, runs, comparison.panels(runs), [], published, figures, details or {}))


def _data(text: str) -> dict:
  return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_equal_content_is_an_equal_page():
  runs = synthetic_records.suite(learners=("stl", "snn"), seeds=(0, 1))
  assert _render(runs) == _render(runs)


def test_every_run_has_its_row_status_and_provenance():
  runs = [constant("stl", 0, .5), synthetic_records.record(learner="snn", status="failed", reason="no <room>")]
  text = _render(runs)
  assert text.count('class="details" data-run=') == 2 and ">failed</td>" in text
  data = _data(text)
  lines = [data["lines"][index] for index in data["runs"][runs[1].identity]["result"]]
  assert 'reason: "no <room>"' in lines and 'status: "failed"' in lines
  assert "1 completed, 1 failed" in text


def test_lines_that_configurations_share_are_stored_once():
  runs = [constant("stl", seed, .5) for seed in (0, 1)]
  details = {run.identity: RunDetails("", "experiment.batch_size = 10\nexperiment.x = 1", {}) for run in runs}
  data = _data(_render(runs, details))
  assert data["lines"].count("experiment.batch_size = 10") == 1
  assert len({tuple(data["runs"][run.identity]["operative"]) for run in runs}) == 1


def test_a_measure_of_no_task_is_a_gap():
  run = synthetic_records.record(rows=[[.5]], peaks=[.5])
  row = re.search(r'data-run="cifar100/stl/smoke/seed0".*?</tr>', _render([run]), re.DOTALL)[0]
  assert row.count(">-</td>") == 2, "forgetting and transfer are means without the last task"


def test_no_finding_is_made_of_one_method_and_ties_are_told_as_a_count():
  assert "All differences in words" not in _render([constant("stl", 0, .5)])
  text = _render([constant(learner, seed, .5) for learner in ("stl", "snn") for seed in range(5)])
  assert "<li>Peak: 2 methods with 50.00 %.</li>" in text.replace("\u00a0", " ")


def test_the_takeaway_comes_first_and_all_differences_are_folded_with_their_caption():
  runs = [constant(learner, seed, final) for learner, final in (("random_hps", .5), ("lasem_hps", .7))
          for seed in range(5)]
  text = _render(runs).replace("\u00a0", " ")
  summary = text[text.index('<section id="summary"'):text.index('<section id="tables"')]
  places = [summary.index(part) for part in (
      "2 tasks of 10 classes; a task has 40 training, 10 validation and 100 test images.",
      '<p class="takeaway">', "<strong>Against Random HPS</strong> (control: a configuration drawn per task; final ",
      "<summary>All differences in words</summary>", "<li>Final accuracy less that of Random HPS (control",
      "Differences in words are means", "</details>")]
  assert places == sorted(places)
  assert "All differences" in summary and "better, worse" not in summary[:places[3]]


def test_several_commits_are_folded():
  runs = [constant("stl", seed, .5) for seed in (0, 1)]
  assert "<dt>Commits</dt><dd>0123456789ab</dd>" in _render(runs)
  runs[1].provenance["commit"] = "fedcba9876543210"
  assert "<dd><details><summary>2</summary>0123456789ab, fedcba987654</details></dd>" in _render(runs)


def test_published_numbers_have_a_section_where_there_are_some_of_the_streams():
  runs = [constant("stl", 0, .5)]
  assert "published" not in re.sub("<style>.*?</style>", "", _render(runs), flags=re.DOTALL)
  text = _render(runs, published=page.Table("Published numbers", [], []))
  assert 'href="#published"' in text and "no published numbers for these methods" in text


def test_the_caption_of_tables_is_folded_behind_a_short_one():
  text = _render([constant(learner, seed, final) for learner, final in (("stl", .5), ("snn", .4)) for seed in range(5)])
  text = text[text.index('<section id="tables"'):]
  places = [text.index(part) for part in ("bold: best mean.", "<summary>What the columns mean", "Holm-corrected")]
  assert places == sorted(places) and text.count("Task-incremental: the task of every test image is known.") == 1


@pytest.mark.parametrize("title", ["<b>x</b>", "a\x1b[31m", "\u202e"])
def test_titles_are_escaped_and_printable(title):
  text = _render([constant("stl", 0, .5)], title=title)
  assert "<b>x" not in text and "\x1b" not in text and "\u202e" not in text


def test_ids_of_drawings_do_not_meet_and_digests_are_kept():
  svg = '<?xml?><svg width="1pt" height="2pt"><metadata>x</metadata><g id="a"/><use href="#a"/></svg>'
  figures = [style.RenderedFigure(name, "Title", "Data", "", "cifar100", digest * 64, b"", svg)
             for name, digest in (("first-x", "1"), ("second", "2"))]
  text = _render([constant("stl", 0, .5)], figures=figures)
  for name, digest in (("first_x", "1"), ("second", "2")):
    assert f'id="{name}-a"' in text and f'href="#{name}-a"' in text and f'data-digest="{digest * 64}"' in text
  assert "<metadata>" not in text


def test_figures_of_wide_drawings_span_the_page_and_drawings_know_their_width():
  figures = [style.RenderedFigure(f"x{points}", "Title", "Data", "", "cifar100", "1" * 64, b"",
                                  f'<?xml?><svg height="2pt" width="{points}pt"></svg>') for points in (518.4, 898.2)]
  narrow, wide = re.findall(r"<figure.*?</figure>", _render([constant("stl", 0, .5)], figures=figures), re.DOTALL)
  assert narrow.startswith("<figure>") and 'style="--points: 518"' in narrow and "Enlarge" in narrow
  assert wide.startswith('<figure class="wide">') and 'style="--points: 898"' in wide and "Enlarge" not in wide


def test_colours_that_are_too_dark_for_the_dark_theme_are_variables_of_the_page():
  svg = '<svg width="1pt" height="2pt"><path style="stroke: #8c564b"/><path style="fill: #882255"/></svg>'
  text = _render([constant("ewc", 0, .5), constant("hat", 0, .5)], figures=[
      style.RenderedFigure("name", "Title", "Data", "", "cifar100", "1" * 64, b"", svg)])
  assert 'style="stroke: var(--brown)"' in text and 'style="fill: var(--wine)"' in text
  assert 'style="background:var(--wine)"' in text and 'style="background:var(--brown)"' in text
  for colours in re.findall(r"--paper: [^}]*", text)[1:]:
    panel = re.search("--panel: (#[0-9a-f]{6})", colours)[1]
    for name in ("wine", "brown", "ink", "quiet", "accent", "warn"):
      assert _contrast(re.search(f"--{name}: (#[0-9a-f]{{6}})", colours)[1], panel) > 3, name


def _contrast(first: str, second: str) -> float:
  """Of the Web Content Accessibility Guidelines; lines and points need 3."""
  def luminance(colour):
    channels = [int(colour[place:place + 2], 16) / 255 for place in (1, 3, 5)]
    return sum(weight * (channel / 12.92 if channel <= .04045 else ((channel + .055) / 1.055) ** 2.4)
               for weight, channel in zip((.2126, .7152, .0722), channels))
  dark, light = sorted((luminance(first), luminance(second)))
  return (light + .05) / (dark + .05)


def test_numbers_are_not_broken_over_lines():
  text = _render([constant(learner, seed, final) for learner, final in (("stl", .5), ("snn", .4)) for seed in range(5)])
  assert "STL with 50.00\u00a0±\u00a00.00\u00a0% (n\u00a0=\u00a05)." in text

"""The generated page and blocks: right, repeatable, and known to be stale when they are."""

import pathlib
import re

import pytest

from benchmark import export, report, reproducibility
from benchmark.reporting import cells, generated_text, reproduction_page, takeaway
from benchmark.results import record_schema, records, run_details
from benchmark.suites import learner_names, paper_suites
from tests.benchmark import synthetic_records

_ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
  """A checkout with one report and a README that shows it."""
  found = synthetic_records.suite(learners=("stl", "lasem_hps"), seeds=(0, 1))
  found.append(synthetic_records.record(learner="den", status="diverged", reason="loss is NaN"))
  export.export(found, "jsonl", tmp_path / "reports" / "small")
  (tmp_path / "reports" / "fixtures.csv").write_text(
      "learner,fixtures,note\nstl,stl l21_stl,\nden,,no working code\nprognn,prognn,\n")
  (tmp_path / "README.md").write_text(
      "# Title\n<!-- generated: table reports/small -->\nold\n<!-- end of generated text -->\nrest\n")
  return tmp_path


def run(tree, *arguments):
  return reproducibility.main(
      ["reproducibility", f"--reports_dir={tree / 'reports'}", f"--markdown={tree / 'README.md'}", *arguments])


def page_of(tree) -> str:
  assert run(tree) == 0
  return (tree / "reports" / "REPRODUCIBILITY.md").read_text()


def row_of(text: str, first: str) -> list[str]:
  line = next(line for line in text.splitlines() if line.startswith(f"| {first} "))
  return cells_of(line)


def cells_of(line: str) -> list[str]:
  return [cell.strip().replace("\\", "") for cell in line.strip("|").split("|")]


def test_page_names_scale_parity_data_status_numbers_command_and_commit(tree):
  text = page_of(tree)
  cells = row_of(text, "STL")
  assert cells[:8] == ["STL", "cifar100", "smoke", "not recorded", "Invented images (stand-in for CIFAR-100)",
                       "stl, l21_stl", "measured", "2"]
  assert "±" in cells[8] and cells[-2:] == ["c0ffee", "0123456789ab"]
  assert "    python -m benchmark.run --gin_file=gin/suites/invented.gin  # stl" in text
  assert re.search(r"CPU time of its \d runs: 0\.0 h on an invented CPU\. Recorded commands:", text)
  assert "| no result (seed 0 diverged: loss is NaN; seed 1 not run)" in text and "none: no working code" in text
  parity = text[text.index("## Parity by method"):]
  assert row_of(parity, "STL") == ["STL", "stl", "stl, l21_stl", "cifar100"]
  assert row_of(parity, "DEN") == ["DEN", "den", "none: no working code", "not measured"]
  assert row_of(parity, "ProgNN (LASEM release)") == ["ProgNN (LASEM release)", "prognn", "prognn", "not measured"]


def test_a_suite_of_the_reports_name_is_named(tree):
  assert "Suite:" not in page_of(tree)
  (tree / "reports" / "small").rename(tree / "reports" / "planted")
  (tree / "README.md").write_text("")
  assert "(planted/index.html). Suite: `gin/suites/planted.gin`. CPU time of its" in page_of(tree)


def test_a_variant_is_its_method_and_a_trial_is_no_measurement(tree):
  export.export([synthetic_records.record(learner="stl[learning_rate=0.01]"),
                 synthetic_records.record(learner="den[learning_rate=0.01]", scale="smoke[tuning]")], "jsonl",
                tree / "reports" / "small")
  parity = page_of(tree).split("## Parity by method")[1]
  assert row_of(parity, "STL") == ["STL", "stl", "stl, l21_stl", "cifar100"]
  assert row_of(parity, "DEN")[-1] == "not measured"


def test_rows_of_two_scales_say_their_epochs(tree):
  for scale, operative in (("reduced", "EPOCHS_PER_TASK = 20\nexperiment.epochs_per_task = %EPOCHS_PER_TASK\n"),
                           ("paper", "experiment.epochs_per_task = 2000\n")):
    path = synthetic_records.write_run(synthetic_records.record(learner="stl", scale=scale), tree / "runs")
    (path.parent / "operative.gin").write_text(operative)
  export.export(records.load_records([tree / "runs"]), "jsonl", tree / "reports" / "small")
  rows = [cells_of(line) for line in page_of(tree).split("## Parity by method")[0].splitlines()]
  assert [cells[1:4] for cells in rows if cells[0] == "STL"] == [["cifar100", "paper", "2000"],
                                                                 ["cifar100", "reduced", "20"]]


def test_what_the_papers_suites_train_is_measured_or_listed(tree):
  text = page_of(tree)
  missing = text[text.index("## Not measured"):]
  listed = set()
  for section in missing.split("### gin/suites/")[1:]:
    lines = section.splitlines()
    rows = [cells_of(line) for line in lines if line.startswith("| ")][1:]
    listed |= {(stream, learner) for stream, _, learners in rows for learner in learners.split(", ")}
    commands = [line for line in lines if line.startswith("    python -m benchmark.run --gin_file=gin/suites/")]
    assert commands == [f"    python -m benchmark.run --gin_file=gin/suites/{lines[0]} "
                        f"--gin_param=\"suite.streams = ('{row[0]}',)\"" for row in rows]
  pairs = paper_suites.pairs(paper_suites.load())
  assert listed == pairs - {("cifar100", "stl"), ("cifar100", "lasem_hps")}
  assert f"train {len(pairs)} pairs" in missing and "whatever data: 2;" in missing.replace("\n", " ")
  assert {("stl10_20_9", "stl"), ("cifar100_40", "ewc"), ("cifar100_17", "lasemg256_tf_2021")} <= listed
  assert row_of(missing, "office\\_home")[1] == "12 of 12"
  of_no_suite = missing[missing.index("### In no suite"):]
  assert "`darts_tf`" in of_no_suite and "`stl`" not in of_no_suite and "`exhaustive_tf`" not in of_no_suite


def test_only_official_data_at_the_papers_scale_count_as_the_papers(tree):
  for learner, scale, name in (("stl", "paper", "CIFAR-100"), ("snn", "reduced", "CIFAR-100"),
                               ("ewc", "paper", "Mine")):
    export.export([synthetic_records.record(learner=learner, scale=scale, display_name=name)], "jsonl",
                  tree / "reports" / learner)
  text = page_of(tree).replace("\n", " ")
  assert "whatever data: 4;" in text and "on the official data: 1." in text


def test_block_is_replaced_and_the_rest_kept(tree):
  run(tree)
  text = (tree / "README.md").read_text()
  assert text.startswith("# Title\n<!-- generated: table reports/small -->\n**Invented images")
  assert text.endswith("<!-- end of generated text -->\nrest\n")
  assert "\nold\n" not in text and "| LASEM HPS" in text and "MACs" not in text


def test_how_layers_were_chosen_is_the_reports_own_text(tree):
  (tree / "reports" / "small" / "selection.md").write_text("### Heading\n\n| Learner |\n\nExplained.\n")
  marked = "<!-- generated: selection reports/small -->\n<!-- end of generated text -->\n"
  text = generated_text.regenerate(marked, tree, "x.md")
  assert text == marked.replace("-->\n<", "-->\n| Learner |\n\nExplained.\n<")
  marked = marked.replace("selection", "selection_without_caption")
  assert generated_text.regenerate(marked, tree, "x.md") == marked.replace("-->\n<", "-->\n| Learner |\n<")


def test_a_page_may_leave_the_caption_to_its_first_table(tree):
  whole, table = (generated_text.regenerate(
      f"<!-- generated: {kind} reports/small -->\n<!-- end of generated text -->", tree, "x.md")
                  for kind in ("table", "table_without_caption"))
  assert "half-width" in whole and "half-width" not in table and "| LASEM HPS" in table


def test_a_table_may_leave_out_rows_and_the_others_stay_as_they_are(tree):
  whole, shorter = (generated_text.regenerate(
      f"<!-- generated: table reports/small{option} -->\n<!-- end of generated text -->", tree, "x.md").splitlines()
                    for option in ("", " without=stl"))
  (left_out,) = set(whole[1:]) - set(shorter[1:])
  assert left_out.startswith("| STL ") and set(shorter[1:]) < set(whole[1:])


def _takeaway(tree, options="", of="reports/small") -> str:
  block = f"<!-- generated: takeaway {of}{options} -->old<!-- end of generated text -->"
  return generated_text.regenerate(block, tree, "x.md").split("-->\n")[1].rpartition("\n<!--")[0]


def test_a_takeaway_is_what_the_page_says_in_words(tree):
  planted = _ROOT / "reports" / "planted"
  text = _takeaway(tree, of=planted)
  paragraph, caution = text.split("\n\n")
  assert paragraph.startswith("**Against Random HPS** (baseline; final ") and ". **Against Planted HPS** (" in text
  assert caution.startswith("*Caution.* Training ended short of flat in ")
  found, _ = generated_text._read(planted)
  finding = takeaway.of_panel(*generated_text.report_panels(planted), found, run_details.load_details(found))
  for sentence in finding.sentences:
    assert cells.escape_markdown(sentence.rest) in paragraph
  assert caution.endswith(cells.escape_markdown(" ".join(finding.cautions)))


def test_a_takeaway_says_what_is_not_tested_and_changes_with_the_records(tree):
  report.main(["report", f"--results_dir={tree / 'reports' / 'small'}", "--baseline=stl", "--nosummary"])
  before = _takeaway(tree)
  assert "n = 2), no test was made, as fewer than 5 seeds are shared: LASEM HPS (" in before and "Few seeds" in before
  found = records.load_records([tree / "reports" / "small"])
  found[-1].result["accuracy"]["after_visit"][-1][0] = .123
  records.write_collection(found, tree / "reports" / "small" / "records.jsonl")
  assert _takeaway(tree) != before


def test_a_takeaway_may_leave_out_references_and_names_panels_where_there_are_several(tree):
  options = " without=planted_hps,exhaustive_hps"
  text = _takeaway(tree, options, _ROOT / "reports" / "planted")
  assert text.count("**Against") == 1 and "**Against Random HPS**" in text and "*Caution.*" in text
  export.export(synthetic_records.suite(streams=("cifar100", "stl10"), learners=("stl", "snn")), "jsonl",
                tree / "reports" / "small")
  assert _takeaway(tree).startswith("**Invented images, cifar100, scale smoke**\n\nNo baseline is named")


def test_trials_of_tuning_are_in_no_table():
  text = generated_text.short_table(_ROOT / "reports" / "standin_cifar100")
  assert "STL" in text and text.count("scale paper") == 1


def test_an_atlas_has_its_own_table_and_no_other():
  report_dir = _ROOT / "reports" / "atlas_planted_medium"
  assert generated_text.report_panels(report_dir) == []
  text = generated_text.regenerate(f"<!-- generated: atlas {report_dir} --><!-- end of generated text -->",
                                   pathlib.Path("."), "x.md")
  assert "Layer 4" in text and "Percentage points" in text


def test_check_is_clean_after_writing_and_stale_after_a_change(tree, capsys):
  assert run(tree, "--check") == 1
  assert "README.md is stale" in capsys.readouterr().out
  assert (tree / "README.md").read_text().count("\nold\n") == 1
  assert run(tree) == 0 and run(tree, "--check") == 0
  before = (tree / "README.md").read_text()
  assert run(tree) == 0 and (tree / "README.md").read_text() == before
  found = records.load_records([tree / "reports" / "small"])
  found[-1].result["accuracy"]["at_best_validation"][0] = .123
  records.write_collection(found, tree / "reports" / "small" / "records.jsonl")
  assert run(tree, "--check") == 1


@pytest.mark.parametrize("text, message", [
    ("<!-- generated: table reports/small -->\n", "has no '<!-- end"),
    ("<!-- generated: table a -->\n<!-- generated: table b -->\n<!-- end of generated text -->", "has no '<!-- end"),
    ("<!-- generated: picture reports/small -->\n<!-- end of generated text -->", "'picture' is no kind"),
    ("<!-- generated: table reports/none -->\n<!-- end of generated text -->", "no record.json"),
    ("<!-- generated: table reports/small without=ewc -->\n<!-- end of generated text -->", "no row ewc"),
    ("<!-- generated: atlas reports/small without=stl -->\n<!-- end of generated text -->", "only table or"),
    ("<!-- generated: takeaway reports/small without=stl -->\n<!-- end of generated text -->", "nces from stl to"),
    (f"<!-- generated: takeaway {_ROOT}/reports/atlas_cifar100 --><!-- end of generated text -->", "nothing to put"),
])
def test_bad_markers_are_refused(tree, text, message):
  with pytest.raises(record_schema.RecordError, match=message):
    generated_text.regenerate(text, tree, "README.md")


def test_text_without_markers_is_kept():
  assert generated_text.regenerate("plain\n", pathlib.Path("."), "x") == "plain\n"


@pytest.mark.parametrize("stream, name, expected",
                         [("cifar100", "CIFAR-100", "CIFAR-100"),
                          ("cifar100_20", "CIFAR-100 (20 tasks)", "CIFAR-100 (20 tasks)"),
                          ("stl10_20", "Imagenette", "Imagenette (stand-in for STL-10)"),
                          ("synthetic", "Synthetic (8 tasks)", "Synthetic (8 tasks)"),
                          ("cifar10_5", "CIFAR-10 (5 binary tasks)", "CIFAR-10 (5 binary tasks)"),
                          ("office_home", "unofficial data in Office-Home format",
                           "unofficial data in Office-Home format (stand-in for Office-Home)")])
def test_stand_ins_are_named(stream, name, expected):
  assert reproduction_page.data_used(stream, name) == expected


def test_table_of_fixtures_fits_the_shipped_learners_and_fixtures():
  parity = reproduction_page._parity(_ROOT / "reports" / "fixtures.csv")
  assert all(learner_names.resolve(learner) for learner in parity)
  fixtures = {path.stem for path in (_ROOT / "tests" / "golden").glob("*.json")}
  named = {name for text in parity.values() if not text.startswith("none") for name in text.split(", ")}
  assert named <= fixtures
  assert fixtures - named == {"data_semantics", "layers", "real_size_2021", "training_loop"}


def test_committed_reports_and_texts_are_up_to_date():
  committed = sorted(path.parent for path in (_ROOT / "reports").glob("*/records.jsonl"))
  for folder in committed:
    assert report.main(["report", f"--results_dir={folder}", "--check"]) == 0, folder
  page = _ROOT / "reports" / "REPRODUCIBILITY.md"
  if not committed and not page.exists():
    pytest.skip("no report is committed yet")
  markdown = [f"--markdown={_ROOT / name}" for name in ("README.md", "docs/results.md", "docs/selection_results.md")]
  assert reproducibility.main(["reproducibility", f"--reports_dir={_ROOT / 'reports'}", *markdown, "--check"]) == 0

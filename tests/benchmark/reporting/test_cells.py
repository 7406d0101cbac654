"""Tables as Markdown and LaTeX: odd texts are shown as they are, and captions say what the numbers are."""

import re
import shutil
import subprocess

import pandas as pd
import pytest

from benchmark.reporting import cells, tables
from benchmark.reporting.cells import Cell
from benchmark.results import comparison
from tests.benchmark.synthetic_records import constant

_ODD = r"""a|b "q" `c` \d {e} #f $g$ %h &i _j ~k ^l <m> n--o ''p'' [q] *r"""


def test_no_row_of_latex_begins_with_an_argument_of_the_command_before_it():
  rows = [[Cell("[3pt] odd"), Cell("1")], [Cell("* starred"), Cell("2")], [Cell(" [x]"), Cell("3")],
          [Cell("[bold]", is_best=True), Cell("4")], [Cell("plain"), Cell("[5]")]]
  text = cells.latex_table(["[heading]", "n"], rows, "title")
  assert "{}[heading] & n \\\\" in text and "{}[3pt] odd & 1 \\\\" in text and "{}* starred & 2 \\\\" in text
  assert "\\textbf{[bold]} & 4" in text and "\nplain & [5]" in text
  assert not re.search(r"(\\\\|rule)\s*[\[*]", text)


def test_every_special_of_latex_is_escaped():
  for character, escaped in {"|": r"\textbar{}", '"': r"\texttt{\char34}", "`": r"\`{}", "~": r"\textasciitilde{}",
                             "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "#": r"\#",
                             "$": r"\$", "%": r"\%", "&": r"\&", "_": r"\_", "<": r"\textless{}",
                             ">": r"\textgreater{}",
                             "--": "-{}-", "---": "-{}-{}-", "''": "'{}'"}.items():
    assert cells.escape_latex(f"x{character}y") == f"x{escaped}y"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_accepts_a_table_of_odd_texts_in_its_default_encoding(tmp_path):
  rows = [[Cell(text, is_best=bold, mark=cells.MIXED + cells.INACTIVE), Cell(_ODD), Cell("1.00 ± 2.00", value=1.0)]
          for text in (_ODD, *_ODD.split()) for bold in (False, True)]
  table = cells.latex_table(["[a]", "*b", _ODD], rows, _ODD)
  (tmp_path / "t.tex").write_text("\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
                                  f"{table}\n\\listoftables\n\\end{{document}}\n", encoding="utf-8")
  for _ in range(2):  # The second time the caption is read back from the list of tables.
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"], cwd=tmp_path,
                          capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
  assert "Missing character" not in (tmp_path / "t.log").read_text(encoding="latin-1")


def test_markdown_shows_dollar_signs_and_tildes():
  text = cells.markdown_table(["Learner"], [[Cell("$a$ and ~~b~~ <i>", value="x")]])
  assert r"<span>$</span>a<span>$</span> and \~\~b\~\~ &lt;i>" in text


def test_a_row_whose_mechanism_never_acted_is_marked_and_explained(tmp_path):
  runs = [constant("den", 0, .5), constant("stl", 0, .4)]
  for acted in (True, False):
    runs[0].result["learner_summary"] = [{"mechanism_acted": False}, {"mechanism_acted": acted}]
    tables.write_suite_tables(runs, comparison.panels(runs), tmp_path)
    for name, mark in (("table.md", "| DEN §"), ("table.tex", r"DEN$^{\S}$"), ("table_per_task.md", "| DEN §")):
      text = (tmp_path / name).read_text()
      assert (mark in text) is not acted and ("happened in no visit" in text) is not acted


def test_latex_is_booktabs_and_escaped(tmp_path):
  runs = [constant(learner, 0, value, display_name="100% & <odd>") for learner, value in
          (("my_method", .5), ("stl", .4))]
  tables.write_suite_tables(runs, comparison.panels(runs), tmp_path)
  text = (tmp_path / "table.tex").read_text()
  assert r"\toprule" in text and r"\midrule" in text and r"\bottomrule" in text
  assert r"my\_method & cifar100 & 1 & \textbf{50.00}" in text
  assert r"100\% \& \textless{}odd\textgreater{}" in text
  assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
  assert r"Final - best (pp)" in text and "fewer than 5 seeds" in text


def test_per_task_tables_say_how_many_seeds_and_what_the_interval_is(tmp_path):
  runs = [*(constant("stl", seed, .5 + seed / 10) for seed in range(3)), constant("snn", 0, .4)]
  panels = comparison.panels(runs, [f"cifar100/snn/smoke/seed{seed}" for seed in range(2)])
  tables.write_suite_tables(runs, panels, tmp_path)
  texts = {ending: (tmp_path / f"table_per_task.{ending}").read_text() for ending in ("md", "tex", "csv")}
  lines = [[cell.strip() for cell in line.split("|")[1:3]] for line in texts["md"].splitlines()
           if line.startswith("| ")]
  assert lines == [["Learner", "n"], ["SNN", "1 of 2"], ["STL", "3"]] * 3
  assert "\nLearner & n & Task 0 & Task 1 " in texts["tex"] and "\nSNN & 1 of 2 & 40.00 & 40.00 " in texts["tex"]
  captions = [line for line in texts["tex"].splitlines() if line.startswith(r"\caption")]
  assert len(captions) == 3
  for caption in (*captions, texts["md"].splitlines()[-1]):
    for phrase in ("n: seeds with a completed run", "half-width of the 95 ", "a row of n = 1 is one measurement"):
      assert phrase in caption
  counts = pd.read_csv(tmp_path / "table_per_task.csv").groupby("learner")["n"].unique()
  assert counts["stl"].tolist() == [3] and counts["snn"].tolist() == [1]

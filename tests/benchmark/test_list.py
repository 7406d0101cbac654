"""`benchmark.list`: every learner, stream and suite with a line, their bindings, and without TensorFlow."""

import subprocess
import sys

import pytest

from benchmark import list as list_command
from benchmark.inspection import listing
from benchmark.suites import gin_files, learner_names
from tests.support import import_graph


def _run(capsys, *words) -> tuple[int, str]:
  try:
    status = list_command.main(["benchmark.list", *words])
  except SystemExit as error:
    status = error.code
  captured = capsys.readouterr()
  return status, captured.out + captured.err


def test_everything_is_listed_with_a_line(capsys):
  status, output = _run(capsys)
  assert status == 0
  for folder in ("learners", "learners/knowledge", "learners/selection", "streams"):
    for name in gin_files.names_in(folder):
      (line,) = [line for line in output.splitlines() if line.strip().startswith(f"{name}  ")
                 or line.strip().startswith(f"{name} ") and not line.startswith("        ")][:1]
      assert len(line.split(maxsplit=1)[1]) > 15, line
  assert all(f"--gin_file=suites/{name}.gin" in output for name in gin_files.names_in("suites"))


def test_names_of_learners_are_complete(capsys):
  output = _run(capsys, "learners")[1].replace("\n", " ")
  assert {*learner_names.names()} <= {*output.partition("All names:")[2].replace(",", " ").split()}


def test_a_learner_tells_its_bindings_and_options(capsys):
  status, output = _run(capsys, "learners", "ewc")
  assert status == 0 and "Elastic weight consolidation" in output
  assert "ElasticWeightConsolidation.strength = %STRENGTH" in output
  assert "--gin_param='ElasticWeightConsolidation.head_depth = ...'  str; default 'last'" in output
  output = _run(capsys, "learners", "lasem_hps_2021")[1]
  assert "learners/knowledge/hps.gin + learners/selection/lasem_2021.gin" in output
  assert "Expectation.likelihood = ...'  'product' or 'mean'; bound to 'mean'" in output


def test_streams_and_suites_tell_theirs(capsys):
  output = _run(capsys, "streams", "folder")[1]
  assert "FolderStream.root = ...'  str; must be bound" in output and "fitted_network" in output
  assert ("experiment: Of every stream.\n"
          "  --gin_param='experiment.first_tasks = ...'  int or None; default None\n") in output
  assert "suite.learners = (" in _run(capsys, "suites", "smoke")[1]


@pytest.mark.parametrize("words, message", [
    (("learner",), "'learner' is none of learners, streams, suites"), (("learners", "ewd"), "Did you mean ewc"),
    (("streams", "cifar"), "Did you mean"), (("suites", "smok"), "Did you mean smoke"),
    (("learners", "ewc", "more"), "unexpected argument 'more'")])
def test_unknown_names_are_one_line(capsys, words, message):
  status, output = _run(capsys, *words)
  assert status == 2 and message in output


def test_tensorflow_is_not_imported():
  program = ("import sys\nfrom benchmark import list\nlist.main(['list', 'learners', 'stl'])\n"
             "assert not {'tensorflow', 'keras', 'pandas'} & set(sys.modules)")
  subprocess.run([sys.executable, "-c", program], cwd=import_graph.ROOT, check=True, capture_output=True)


def test_a_sentence_does_not_end_after_et_al():
  assert listing.first_sentence("By Kirkpatrick et al. 2017. More.") == "By Kirkpatrick et al. 2017."
  assert listing.comment("# One\n# two.\nX = 1\n# three") == "One two."

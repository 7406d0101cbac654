"""`benchmark.check_learner` on the learner of `examples/extension`, on a broken one and on wrong input."""

import pathlib

import pytest

from benchmark import check_learner

_EXTENSION = pathlib.Path(__file__).resolve().parents[2] / "examples" / "extension"
_BROKEN = '''
import gin
from lasem_tf.learners import promise, trunk

@gin.register
class {name}(trunk.TrunkLearner):
  """Fine-tunes, and says otherwise."""

  promises = promise.Promises(answers_move_at_most=0.0)

  def __init__(self, context, fails: bool = False):
    super().__init__(context)
    self._fails = fails

  def _end_visit(self):
    if self._fails:
      return self.no_such_name
    return super()._end_visit()
'''


def _check(*arguments) -> int:
  """Exit status of the command line."""
  try:
    return check_learner.main(["benchmark.check_learner", *arguments])
  except SystemExit as error:
    return error.code


@pytest.fixture(name="broken")
def _broken(tmp_path, monkeypatch, request):
  """A file that binds a learner with a false promise, in the working folder."""
  # Modules and registered names last as long as the process.
  name = "".join(word.capitalize() for word in request.node.name.split("_"))
  (tmp_path / f"{name.lower()}.py").write_text(_BROKEN.format(name=name))
  (tmp_path / "mine.gin").write_text(f"import {name.lower()}\nexperiment.learner = @{name}\n")
  monkeypatch.chdir(tmp_path)
  monkeypatch.syspath_prepend(str(tmp_path))
  return name


def test_a_learner_of_ones_own_keeps_the_contract(capsys, monkeypatch):
  monkeypatch.chdir(_EXTENSION)
  monkeypatch.syspath_prepend(str(_EXTENSION))
  assert _check("--gin_file=learners/frozen_trunk.gin", "--gin_param=FrozenTrunk.head_depth = 'all_dense'") == 0
  printed = capsys.readouterr().out
  assert "answers_move_at_most 0.0" in printed and "FAILED" not in printed
  assert printed.endswith("learners/frozen_trunk.gin keeps the contract.\n")


def test_a_false_promise_is_told(broken, capsys):
  assert _check("--gin_file=mine.gin") == 1
  *_, failed, last = capsys.readouterr().out.splitlines()
  assert failed.startswith("  FAILED  a second task")
  assert last.startswith("mine.gin: task 1 moved logits of task 0 by up to ")


def test_an_error_of_the_class_is_told_with_its_place(broken, capsys):
  assert _check("--gin_file=mine.gin", f"--gin_param={broken}.fails = True") == 1
  last = capsys.readouterr().out.splitlines()[-1]
  assert last.startswith(f"mine.gin: AttributeError in _end_visit() ({broken.lower()}.py, line 17): ")


@pytest.mark.parametrize("arguments, message", [
    ((), "give either --gin_file"),
    (("--gin_file=suites/smoke.gin",), "does not bind experiment.learner to a class"),
    (("--gin_file=learners/no_such.gin",), "No gin file 'learners/no_such.gin'"),
    (("--learner=lasem_hp",), "Did you mean lasem_hps"),
    (("--learner=ewc", "--gin_param=ElasticWeightConsolidation.form = 'neither'"), "form must be one of"),
    (("--gin_file=learners/ewc.gin", "--gin_param=PackNet.optimizer = 'sgd'"), "is used by no run")])
def test_bad_input_is_one_line(arguments, message, capsys):
  assert _check(*arguments) == 2
  error = capsys.readouterr().err.splitlines()
  assert error[-1].startswith("Error: ") and message in error[-1]

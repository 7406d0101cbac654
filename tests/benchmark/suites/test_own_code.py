"""Whatever a class or module of the user's own raises is one line with its place; bugs of the suite stay tracebacks."""

import pytest

from benchmark.execution import planning, run_once
from benchmark.execution.local import planner as planner_lib
from benchmark.execution.settings import Settings
from benchmark.suites import experiment, own_code, suite
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf.training import lifetime

_CLASS = """
import gin
from lasem_tf.learners import trunk

@gin.register
class {name}(trunk.TrunkLearner):
  def __init__(self, context):
    {init}
    super().__init__(context)

  def workload(self, task_id):
    {workload}
    return super().workload(task_id)
"""


@pytest.fixture(name="write")
def _write(tmp_path, monkeypatch):
  """Writes a module of a learner's, which no other test has imported; returns its run."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.syspath_prepend(tmp_path)

  def write(name: str, text: str) -> suite.Run:
    (tmp_path / "learners").mkdir(exist_ok=True)
    (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "learners" / f"{name}.gin").write_text(f"import {name}\nexperiment.learner = @{name.title()}\n")
    expansion = suite.expand(["gin/suites/smoke.gin"], [f"suite.learners = ('{name}',)"])
    return expansion.groups[0].variants[0][0]

  return write


def _of_class(name: str, init: str = "pass", workload: str = "pass") -> str:
  return _CLASS.format(name=name.title(), init=init, workload=workload)


def _check(error, *words: str) -> None:
  text = str(error.value)
  assert len(text.splitlines()) == 1 and all(word in text for word in words) and "Correct this code" in text
  assert text.count("Run ") <= 1 and "In call to" not in text and "bindings string" not in text


@pytest.mark.parametrize("number, raised", list(enumerate([
    "KeyError: 'x'", "AttributeError: x", "AssertionError: x", "RuntimeError: x", "ValueError: x", "StopIteration: x",
    "SystemExit: x"])))
def test_an_error_of_a_constructor_names_its_place(write, number, raised):
  run = write(f"raises{number}", _of_class(f"raises{number}", f"raise {raised.partition(':')[0]}('x')"))
  with pytest.raises(ConfigurationError) as error:
    run_once.build(run, Settings("out"))
  _check(error, f"Run {run.identity}: ", f"raises{number}.py, line 8", "__init__", raised)


def test_an_error_of_a_module_names_its_place(write):
  for number, statement in enumerate(("raise RuntimeError('x')", "import sys; sys.exit(3)", "assert False, 'x'")):
    run = write(f"module{number}", f"{statement}\n{_of_class(f'module{number}')}")
    with pytest.raises(ConfigurationError) as error:
      run_once.build(run, Settings("out"))
    _check(error, f"module{number}.py, line 1: ", run.identity)


def test_a_package_that_fails_while_its_module_is_looked_for_is_named(write, tmp_path):
  (tmp_path / "failing").mkdir()
  (tmp_path / "failing" / "__init__.py").write_text("raise KeyError('x')\n")
  with pytest.raises(ConfigurationError, match=r"import failing.inner: .*__init__.py, line 1: KeyError: 'x'"):
    suite.expand(["gin/suites/smoke.gin"], ["import failing.inner"])


def test_the_planner_passes_on_what_own_code_raises_when_it_is_asked(write, tmp_path):
  missing = write("reads", _of_class("reads", init="open('nowhere.txt')"))
  asked = write("asked", _of_class("asked", workload="{}['x']"))
  with planner_lib.Planner() as planner:
    for run, words in ((missing, ("reads.py, line 8", "FileNotFoundError: [Errno 2]", "nowhere.txt")),
                       (asked, ("asked.py, line 12", "workload", "KeyError: 'x'"))):
      with pytest.raises(ConfigurationError) as error:
        planner.plan([run], Settings(str(tmp_path / "out")))
      _check(error, f"Run {run.identity}: ", *words)


def test_errors_of_the_suite_are_left_alone(write, monkeypatch):
  run = write("sound", _of_class("sound"))

  monkeypatch.delattr(lifetime, "check")
  for function in (lambda: run_once.build(run, Settings("out")), lambda: planning.plan([run], Settings("out"))):
    with pytest.raises(AttributeError, match="'check'"):
      function()


def test_what_the_suite_says_to_own_code_stays_as_it_is():
  values = {name: 1 for name in ("stream", "network", "learner", "batch_size", "epochs_per_task", "learning_rate")}
  with pytest.raises(ValueError, match="^experiment.reference knows no switch wrong"), own_code.located():
    experiment.Experiment(**values, reference={"wrong": True})


def test_installed_code_is_the_users_where_the_configuration_imports_it(tmp_path, monkeypatch):
  (tmp_path / "installed_learner.py").write_text("def fail():\n  raise KeyError('x')\n")
  monkeypatch.syspath_prepend(tmp_path)
  monkeypatch.setattr(own_code, "_LIBRARIES", (f"{tmp_path.resolve()}/", *own_code._LIBRARIES))
  import installed_learner  # noqa: PLC0415  just written

  monkeypatch.setattr(own_code, "_SUITE_FOLDERS", (*own_code._SUITE_FOLDERS, __file__))
  with pytest.raises(KeyError), own_code.located():
    installed_learner.fail()
  with pytest.raises(ConfigurationError, match="installed_learner.py, line 2, in fail: KeyError"), own_code.located(
      code=(("installed_learner.part", ""),)):
    installed_learner.fail()

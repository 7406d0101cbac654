"""What the catalogue reads from source files is what gin and Python make of them."""

import inspect
import typing

import gin
import pytest

from benchmark.suites import bindings, catalogue
from benchmark.suites.gin_files import ConfigurationError


def _registered() -> dict:
  bindings.register_configurables()
  from benchmark.suites import suite  # noqa: F401, PLC0415  registers itself

  found = {selector.rpartition(".")[2]: gin.get_configurable(selector) for selector, _ in gin.config._REGISTRY.items()
           if not selector.startswith("gin.")}
  # Other tests of the same process register classes of their own.
  return {name: each for name, each in found.items() if each.__module__.startswith(("lasem_tf.", "benchmark."))}


def test_it_lists_what_gin_registers_with_the_same_parameters():
  known, registered = catalogue.of_modules(()), _registered()
  assert set(known) == set(registered)
  for name, configurable in registered.items():
    if name in known and known[name].parameters is not None:
      owner = inspect.unwrap(configurable.__init__ if inspect.isclass(configurable) else configurable)
      parameters = set(inspect.signature(owner).parameters) - {"self"}
      if parameters == {"args", "kwargs"}:  # Python's own, of a class without a constructor.
        parameters = set()
      assert set(known[name].parameters) == parameters, name
      hints = typing.get_type_hints(owner)
      for parameter, annotation in known[name].parameters.items():
        if catalogue.Opaque not in (annotation, *typing.get_args(annotation)) and annotation is not typing.Any:
          assert annotation == hints[parameter], (name, parameter)


def test_classes_of_ones_own_are_found_without_importing_them(tmp_path, monkeypatch):
  (tmp_path / "own_learner.py").write_text(
      "from lasem_tf.learners import trunk\nraise SystemExit('imported')\n"
      "@gin.register\nclass Own(trunk.TrunkLearner):\n"
      "  def __init__(self, context, rate: float | None = None):\n    pass\n"
      "class Inherits(trunk.TrunkLearner):\n  pass\nclass Takes:\n  def __init__(self, **anything):\n    pass\n")
  monkeypatch.syspath_prepend(str(tmp_path))
  found = catalogue.of_modules(("own_learner",))
  assert found["Own"].parameters == {"context": typing.Any, "rate": float | None}
  assert "context" in found["Inherits"].parameters and found["Takes"].parameters is None


def test_a_module_that_is_not_there_is_named():
  with pytest.raises(ConfigurationError, match="import nowhere_at_all: no such module"):
    catalogue.of_modules(("nowhere_at_all",))

"""Checks of gin files and bindings that gin itself does not make."""

import pytest

from benchmark.suites import bindings as bindings_lib, catalogue, gin_text
from benchmark.suites.bindings import ConfigurationError, Macro, Reference

_RUN = """
experiment.stream = @CIFAR100
experiment.network = @ConvNetSpec()
experiment.learner = @Composed
Composed.knowledge = @HardSharing()
Composed.selection = @Static()
Static.configuration = 'top2'
experiment.learning_rate = %LEARNING_RATE
LEARNING_RATE = 0.01
UNUSED = 3
Expectation.prior = 'mean'
ConvNetSpec.channels = (4, 4)
"""


KNOWN = catalogue.of_modules(())


def _values(tmp_path, text=_RUN, bindings=()):
  path = tmp_path / "run.gin"
  path.write_text(text)
  found = gin_text.Reader().read([str(path)], bindings)
  bindings_lib.check_names(found.values, found.origins, KNOWN, is_complete=True)
  return found.values


def test_values_keep_references_and_macros(tmp_path):
  values = _values(tmp_path)
  assert values["experiment.learner"] == Reference("Composed", evaluate=False)
  assert values["experiment.network"] == Reference("ConvNetSpec", evaluate=True)
  assert values["experiment.learning_rate"] == Macro("LEARNING_RATE")
  assert values["LEARNING_RATE"] == 0.01


def test_reachable_follows_references_and_macros_only(tmp_path):
  reached = bindings_lib.reachable(_values(tmp_path))
  assert "Static.configuration" in reached and "LEARNING_RATE" in reached and "ConvNetSpec.channels" in reached
  assert "UNUSED" not in reached and "Expectation.prior" not in reached


def test_hash_ignores_what_decides_nothing(tmp_path):
  def digest(text):
    values = _values(tmp_path, text)
    return bindings_lib.configuration_hash(values, bindings_lib.reachable(values))

  assert digest(_RUN) == digest(_RUN.replace("UNUSED = 3", "UNUSED = 4"))
  assert digest(_RUN) == digest(_RUN.replace("%LEARNING_RATE\nLEARNING_RATE = 0.01", "0.01"))
  assert digest(_RUN) == digest(_RUN + "\nConvNetSpec.precision = 'float32'")
  assert digest(_RUN) != digest(_RUN + "\nConvNetSpec.precision = 'mixed_bfloat16'")
  assert digest(_RUN) != digest(_RUN.replace("LEARNING_RATE = 0.01", "LEARNING_RATE = 0.02"))
  assert digest(_RUN) != digest(_RUN.replace("top2", "top1"))


def test_unbound_macro_is_named_with_the_nearest(tmp_path):
  values = _values(tmp_path, _RUN.replace("= %LEARNING_RATE", "= %LEARNING_RAT"))
  with pytest.raises(ConfigurationError, match="experiment.learning_rate uses the macro %LEARNING_RAT.*LEARNING_RATE"):
    bindings_lib.reachable(values)


@pytest.mark.parametrize("binding, message", [
    ("Statc.configuration = 'all'", "No configurable matching 'Statc'.*Did you mean Static"),
    ("Static.configuratio = 'all'", "parameter named 'configuratio'.*Did you mean configuration"),
    ("experiment.learner = @Compose", "Compose.*Did you mean Composed"),
    ("include 'streams/nowhere.gin'", "streams/nowhere.gin"),
    ("experiment.batch_size =", "batch_size"),
])
def test_what_gin_would_refuse_is_refused_from_the_text(tmp_path, binding, message):
  with pytest.raises(ConfigurationError, match=message):
    _values(tmp_path, bindings=[binding])


@pytest.mark.parametrize("binding", [
    "experiment.batch_size = '10'", "experiment.batch_size = 10.5", "experiment.learning_rate = 'fast'",
    "ConvNetSpec.channels = 4", "ConvNetSpec.channels = (4, 'x')", "Static.configuration = 3",
    "experiment.protocol = True", "Composed.knowledge = 'hps'", "experiment.protocol = 'cleen'",
])
def test_wrong_types_are_refused(tmp_path, binding):
  values = _values(tmp_path, bindings=[binding])
  with pytest.raises(ConfigurationError, match=f"Binding {binding.split(' =')[0]} = .*expected"):
    bindings_lib.check_types(values, bindings_lib.reachable(values), KNOWN)


@pytest.mark.parametrize("binding", [
    "experiment.batch_size = 10", "experiment.learning_rate = 1", "ConvNetSpec.channels = [4, 4]",
    "experiment.task_order = (0, 1)", "experiment.task_order = 'twice'",
])
def test_fitting_types_pass(tmp_path, binding):
  values = _values(tmp_path, bindings=[binding])
  bindings_lib.check_types(values, bindings_lib.reachable(values), KNOWN)


def test_type_of_a_macro_is_checked_where_it_is_used(tmp_path):
  values = _values(tmp_path, bindings=["LEARNING_RATE = 'fast'"])
  with pytest.raises(ConfigurationError, match="experiment.learning_rate = %LEARNING_RATE: expected float, got str"):
    bindings_lib.check_types(values, bindings_lib.reachable(values), KNOWN)

"""The regulariser of a deconvolution as the releases apply it: to weights, and once more to the penalties."""

import re

import numpy as np

from tests.golden_support import comparison

# The release's names of regularised weights: the knowledge base, and filter, bias and contraction of a task.
RELEASED_NAME = re.compile(r"(?P<kind>KB|TS_DeconvW0|TS_Deconvb0|TS_ConvW1)_(?P<layer>\d+)(_(?P<task>\d+))?$")
TRANSFORMS = {"TS_DeconvW0": "deconv_kernel", "TS_Deconvb0": "deconv_bias", "TS_ConvW1": "tensordot"}


def watch(knowledge) -> list:
  """A list that grows by what `knowledge.penalty` returns (until `unwatch`)."""
  values = []
  if knowledge is not None:
    original = type(knowledge).penalty

    def penalty(*arguments):
      value = original(knowledge, *arguments)
      values.append(None if value is None else float(value))
      return value

    knowledge.penalty = penalty
  return values


def unwatch(knowledge) -> None:
  """Ends `watch`."""
  if knowledge is not None:
    del knowledge.penalty


def _weight_name(released_name: str) -> tuple[str, str]:
  """This suite's name of a regularised weight, and its kind: 'KB' or 'TS'."""
  match = RELEASED_NAME.match(released_name)
  if match["kind"] == "KB":
    return f"kb/conv{match['layer']}", "KB"
  return f"task{match['task']}/dfcnn{match['layer']}/{TRANSFORMS[match['kind']]}", "TS"


def check(view) -> None:
  """Compares the penalty of every weight, and the released terms made of them, at the weights in force."""
  stage = _stage(view)
  if "reg_collection_variables" not in stage:
    return
  variables = view.learner.variables()
  scales = _scales(view)
  penalties = np.array([0.5 * scales[kind] * np.sum(np.square(np.asarray(variables[name], np.float64)))
                        for name, kind in map(_weight_name, stage["reg_collection_variables"])])
  view.close("step0/reg_penalty_per_variable", penalties, comparison.VALUE)
  for kind, name in (("KB", "step0/reg_term_kb"), ("TS", "step0/reg_term_ts")):
    view.close(name, np.sum(0.5 * scales[kind] * np.square(penalties)), comparison.VALUE)


def check_penalty(view) -> None:
  """Compares what the knowledge added to the loss of the first step with the recorded penalties.

  The release minimises one sum for knowledge bases and another for a task's own weights; each weight's gradient is that
  of its own term, scaled by its own kind.
  """
  stage = _stage(view)
  if "reg_collection_variables" not in stage:
    return
  scales = _scales(view)
  recorded = view.recorded("step0/reg_penalty_per_variable")
  kinds = [_weight_name(name)[1] for name in stage["reg_collection_variables"]]
  expected = sum(0.5 * scales[kind] * penalty**2 for kind, penalty in zip(kinds, recorded.astype(np.float64)))
  view.check.true(f"{view.stage_name}: a penalty was computed", bool(view.penalties))
  if view.penalties:
    view.check.close(f"{view.stage_name}: penalty of the first step", view.penalties[-1], expected, comparison.VALUE)


def _stage(view) -> dict:
  (stage,) = (stage for stage in view.fixture.manifest["stages"] if stage["stage"] == view.stage_name)
  return stage


def _scales(view) -> dict[str, float]:
  scales = view.fixture.manifest["method_hyperparameters"]["regularization_scale"]
  return {"KB": scales[1], "TS": scales[3]}

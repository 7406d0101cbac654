"""Every gin file of the tree is parsed, constructed and dry-run, and none of its bindings is idle."""

import dataclasses
import pathlib
import re

import gin
import pytest

from benchmark.execution import cost_model, plan as plan_lib, planning, run_once
from benchmark.suites import bindings as bindings_lib, gin_text, learner_names, suite
from benchmark.suites.bindings import ConfigurationError
from tests.support import raw_data

ROOT = bindings_lib.gin_root()
STREAMS = sorted(path.stem for path in (ROOT / "streams").glob("*.gin"))
# A configuration or a number of groups by another name is the same files: one of each stands for all.
_SAME_FILES = re.compile(r"(hps|tf|dfcnn)_(office_home_.*|(top|bottom)[13-9]|bottom2|alternating_odd)|lasemg\d+_tf_.*")
LEARNERS = [name for name in learner_names.names() if not _SAME_FILES.fullmatch(name)]
SUITES = sorted(str(path.relative_to(ROOT)) for folder in ("suites", "papers")
                for path in (ROOT / folder).glob("*.gin"))
# A learner is constructed on the first of these that its configuration fits.
CANDIDATES = ("synthetic", "planted_medium", "cifar100", "cifar100_6", "cifar100_8", "office_home_6", "stl10_20",
              "stl10_20_9", "cifar100_17")


@pytest.fixture(name="settings", scope="module")
def _settings(tmp_path_factory):
  root = raw_data.write(tmp_path_factory.mktemp("raw"))
  return run_once.Settings(output_dir=str(root / "unused"), data_dirs=(str(root),), cache_dir=str(root / "cache"))


def _load(stream, learner, scale="smoke"):
  bindings = (f"suite.streams = ('{stream}',)", f"suite.learners = ('{learner}',)", f"suite.scale = '{scale}'",
              "suite.seeds = (0,)",
              *raw_data.relaxed_bindings(stream))
  return suite.load([str(pathlib.Path(__file__).parent / "support/empty.gin")], bindings)[1][0]


def _own_bindings(path) -> set[str]:
  """What the text of one file binds, without what it includes."""
  text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("include"))
  return set(bindings_lib.bound_values(text))


def test_the_folders_are_not_empty():
  assert len(STREAMS) >= 15 and len(LEARNERS) >= 60 and len(SUITES) >= 8


def test_no_python_file_shadows_gin():
  assert not list(ROOT.rglob("*.py"))


@pytest.mark.parametrize("stream", STREAMS)
def test_streams(stream, settings):
  run = _load(stream, "stl")
  (plan,) = planning.plan([run], settings)
  assert plan.training_gmacs > 0
  used = bindings_lib.reachable(run.parse())
  with_knowledge = set()
  for learner in ("hps_all", "tf_all", "dfcnn_all", "lasemg_hps", "den"):
    with_knowledge |= _reachable(stream, learner)
  idle = _own_bindings(ROOT / "streams" / f"{stream}.gin") - used - with_knowledge
  assert not idle, f"no learner uses {sorted(idle)}"


def _reachable(stream, learner) -> set[str]:
  """What the learner uses on the stream; nothing if the stream lacks a macro that it needs."""
  source = learner_names.resolve(learner)
  values = gin_text.Reader().read([f"streams/{stream}.gin", *source.files, "scale/smoke.gin"], source.bindings).values
  try:
    return bindings_lib.reachable(values)
  except ConfigurationError:
    return set()


@pytest.mark.parametrize("learner", LEARNERS)
def test_learners(learner, settings):
  problems = []
  for stream in CANDIDATES:
    try:
      run = _load(stream, learner)
      (plan,) = planning.plan([run], settings)
    except ConfigurationError as error:
      problems.append(f"{stream}: {error}")
      continue
    assert plan.training_gmacs > 0
    files = learner_names.resolve(learner).files
    idle = set().union(*(_own_bindings(ROOT / file) for file in files)) - bindings_lib.reachable(run.parse())
    assert not idle, f"nothing uses {sorted(idle)}"
    return
  pytest.fail("\n".join(problems))


def _suite(name) -> suite.Suite:
  return suite.read_suite(gin_text.Reader().read([name]), [name])


@pytest.mark.parametrize("name", SUITES)
def test_suites(name, settings):
  the_suite = _suite(name)
  relaxed = {binding for stream in the_suite.streams for binding in raw_data.relaxed_bindings(stream)}
  groups = suite.expand([name], sorted(relaxed)).groups
  assert len(groups) == len(the_suite.streams) * len(the_suite.learners)
  # The text of all runs is checked by now. Constructed is every learner on one stream, on every stream some learner; of
  # variants the first, evaluated and as a trial: the others differ in numbers alone.
  places = {learner: place for place, learner in enumerate(the_suite.learners)}
  chosen = [runs[0][0] for group in groups for runs in (group.variants, group.trials)
            if runs and group.stream == the_suite.streams[places[group.learner] % len(the_suite.streams)]]
  plans = planning.plan(chosen, settings)
  rendered = plan_lib.render(plans, cost_model.CostModel(1.0, 0.001, 50.0), jobs=2)
  assert f"{len(plans)} runs" in rendered and all(run.identity in rendered for run in chosen)


@pytest.mark.parametrize("name", [name for name in SUITES if "images_per_" in (ROOT / name).read_text()])
def test_suites_are_planned_before_their_data_are_there(name, tmp_path):
  """Those that say how many images there are; of every stream one run."""
  runs = {group.stream: runs[0][0] for group in suite.expand([name], ()).groups
          for runs in (group.variants, group.trials) if runs}
  settings = run_once.Settings(output_dir=str(tmp_path), data_dirs=(str(tmp_path),), cache_dir=str(tmp_path))
  plans = planning.plan(list(runs.values()), settings, needs_data=False)
  assert all(plan.training_gmacs > 0 and plan.missing_data for plan in plans)


@pytest.mark.parametrize("name", [name for name in SUITES if name.startswith(("papers/", "suites/paper_"))])
def test_suites_of_the_papers_have_five_trials(name):
  assert _suite(name).seeds == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("learner", ["stl", "lasem_hps", "dfcnn_all"])
def test_operative_configuration_replays_to_itself(learner, settings):
  run = _load("synthetic", learner)
  run_once.build(run, settings)
  operative = gin.operative_config_str()
  run_once.build(dataclasses.replace(run, text=operative, names_defaults=True), settings)
  assert bindings_lib.bound_values(gin.operative_config_str()) == bindings_lib.bound_values(operative)


def test_the_suite_of_all_learners_has_all_learners():
  learners = set(_suite("suites/all_learners_smoke.gin").learners)
  assert {path.stem for path in (ROOT / "learners").glob("*.gin")} <= learners
  covered = {file for name in learners for file in learner_names.resolve(name).files}
  composed = {f"learners/{folder}/{path.stem}.gin" for folder in ("knowledge", "selection")
              for path in (ROOT / "learners" / folder).glob("*.gin")}
  # Groups of the 17-layer network, a combination of two that are there, and what the built-in stream does not declare.
  left_out = {file for file in composed if re.search(r"(lasemg(\d+_2021|_2021|_early)|/planted)\.gin", file)}
  assert composed - left_out <= covered

"""Planning in another process: the same answers and errors, and what happens when the process is gone."""

import dataclasses
import os
import pickle
import signal

import pytest
from gin import utils as gin_utils
from PIL import Image

from benchmark.execution import planning
from benchmark.execution.local import planner as planner_lib
from benchmark.execution.settings import Settings
from benchmark.suites import suite
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf.data.stream import DataError
from tests.benchmark.models import short_runs
from tests.data import photographs


@pytest.fixture(name="planner")
def _planner():
  with planner_lib.Planner() as planner:
    yield planner


def _runs(*bindings: str, file: str = "smoke") -> list[suite.Run]:
  groups = suite.expand([f"gin/suites/{file}.gin"], ["suite.learners = ('stl', 'hps_all')", *bindings]).groups
  return [group.variants[0][0] for group in groups]


def test_plans_are_those_of_planning(planner, tmp_path):
  settings = Settings(str(tmp_path))
  assert planner.plan(_runs(), settings) == planning.plan(_runs(), settings) and planner.visible_gpus() == []


def test_nothing_is_started_for_nothing(planner, tmp_path):
  assert planner.plan([], Settings(str(tmp_path))) == []
  planner.check_parents(_runs(), Settings(str(tmp_path)))
  assert planner.stream_facts([], Settings(str(tmp_path))) == []
  assert planner._started is None


def test_errors_keep_their_kind_and_their_line(planner, tmp_path):
  settings = Settings(str(tmp_path), data_dirs=(str(tmp_path),))
  for runs, kind in ((_runs("experiment.task_order = (0, 7)"), ConfigurationError),
                     (_runs(file="cifar100_smoke"), DataError)):
    with pytest.raises(kind) as expected:
      planning.plan(runs, settings)
    with pytest.raises(kind) as raised:
      planner.plan(runs, settings)
    assert str(raised.value) == str(expected.value)
  assert planner.plan(_runs(), settings)  # It goes on.


def test_altered_pixels_alter_what_a_record_would_say_of_the_stream(planner, tmp_path):
  root = photographs.write(tmp_path / "photos", photographs.CLASSES[:4], per_class=10, longest=24)
  run = short_runs.plan_of_photographs(tmp_path, root)
  settings = Settings(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
  before = planner.stream_facts([run, run, dataclasses.replace(run, seed=1)], settings)
  assert before[0] == before[1] and before[0]["data_fingerprint"] != before[2]["data_fingerprint"]
  for path in (root / photographs.CLASSES[0]).iterdir():
    Image.fromarray(photographs.photograph(7, 0, (20, 24))).save(path)
  planner.rest()
  (after,) = planner.stream_facts([run], settings)
  differing = {name for name, value in after.items() if value != before[0][name]}
  assert differing == {"data_fingerprint"} and after["task_order"] == [0, 1]


def test_a_killed_process_is_named_and_another_one_begins_after_a_rest(planner, tmp_path):
  settings = Settings(str(tmp_path))
  planner.visible_gpus()
  os.kill(planner._started[0].pid, signal.SIGKILL)
  with pytest.raises(ChildProcessError, match=f"ended with exit code -{int(signal.SIGKILL)}"):
    planner.plan(_runs(), settings)
  planner.rest()
  assert planner._started is None and planner.plan(_runs(), settings)


def test_errors_of_classes_that_gin_makes_can_be_sent():
  for kind, words in ((FileNotFoundError, "No such file"), (DataError, "gone")):
    made = FileNotFoundError(2, "No such file", "nowhere") if kind is FileNotFoundError else kind("gone")
    with pytest.raises(kind) as raised:
      gin_utils.augment_exception_message_and_reraise(made, "\n  In call to configurable 'x'")
    assert type(raised.value) is not kind
    sent = pickle.loads(pickle.dumps(planner_lib._sendable(raised.value)))
    assert isinstance(sent, OSError if kind is FileNotFoundError else kind) and words in str(sent)
    assert "In call" not in str(sent)

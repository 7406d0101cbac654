"""A folder of photographs that gets further classes or domains: which bindings grow its runs, and what is refused."""

import json
import shutil

import pytest

from benchmark.execution import run_once
from benchmark.execution.settings import Settings
from benchmark.models import growing
from benchmark.results import records
from lasem_tf.training import growth
from tests.benchmark.models import short_runs
from tests.data import photographs

_EARLIER = "(('ant', 'bee'), ('cow', 'dog')"


def _bigger(own_photographs, folder, *names):
  """A copy of the photographs of the run, with further classes."""
  root = folder / "photos"
  shutil.copytree(own_photographs[0].parents[4] / "photos", root)
  photographs.write(root, names)
  if "gnu" in names:
    (root / "gnu").rename(root / "aardvark")  # sorts first
  return root


def _refusal(parent, run, folder):
  data = run_once.build(run, Settings(output_dir=str(folder), cache_dir=str(folder / "cache"))).data
  with pytest.raises(growth.GrowthError) as error:
    growing.parent(parent, run, data)
  assert "\n" not in str(error.value)
  return str(error.value)


def _check_that_the_last_visit_alone_was_trained(folder, parent, num_tasks):
  record = records.read_record(folder)
  assert len(record.result["accuracy"]["after_visit"]) == num_tasks
  assert record.provenance["parent"]["run_dir"] == str(parent)
  events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
  assert {event["visit"] for event in events if event["event"] == "epoch"} == {num_tasks - 1}
  before = records.read_record(parent).result["accuracy"]["after_visit"]
  after = record.result["accuracy"]["after_visit"]
  assert [row[:len(before)] for row in after[:len(before)]] == before


def test_a_longer_tuple_of_tasks_grows_a_run_that_num_tasks_divided(own_photographs, tmp_path):
  """The first task by name would hold the new class, aardvark, had it been divided anew."""
  root = _bigger(own_photographs, tmp_path, "gnu", "elk")
  bindings = f"FolderStream.tasks = {_EARLIER}, ('aardvark', 'elk', 'ant'))"
  run = short_runs.plan_of_photographs(tmp_path, root, bindings=bindings)
  folder = short_runs.train(tmp_path / "out", run, cache_dir=str(tmp_path / "cache"), grow=str(own_photographs[0]))
  _check_that_the_last_visit_alone_was_trained(folder, own_photographs[0], 3)


def test_classes_that_sort_last_keep_the_earlier_tasks(own_photographs, tmp_path):
  root = _bigger(own_photographs, tmp_path, "elk", "fox")
  run = short_runs.plan_of_photographs(tmp_path, root, bindings="FolderStream.classes_per_task = 2")
  data = run_once.build(run, Settings(output_dir=str(tmp_path), cache_dir=str(tmp_path / "cache"))).data
  assert growing.parent(own_photographs[0], run, data).origin["num_visits"] == 2 and data.stream.num_tasks == 3


@pytest.mark.parametrize("bindings", ["FolderStream.num_tasks = 2", "FolderStream.classes_per_task = 2"])
def test_a_class_that_sorts_first_is_refused_with_the_binding_to_write(own_photographs, tmp_path, bindings):
  root = _bigger(own_photographs, tmp_path, "gnu", "elk")
  message = _refusal(own_photographs[0], short_runs.plan_of_photographs(tmp_path, root, bindings=bindings), tmp_path)
  assert "task 0 had classes ant, bee; here it has aardvark, ant" in message
  assert "Bind FolderStream.tasks, and neither FolderStream.num_tasks nor" in message
  assert f"FolderStream.tasks = {_EARLIER}, ...), with the names of further tasks" in message


def test_further_images_of_an_earlier_class_are_refused(own_photographs, tmp_path):
  root = _bigger(own_photographs, tmp_path, "elk", "fox")
  shutil.copy(root / "elk" / "000.jpg", root / "bee" / "more.jpg")
  run = short_runs.plan_of_photographs(tmp_path, root, bindings="FolderStream.num_tasks = 3")
  message = _refusal(own_photographs[0], run, tmp_path)
  assert "images or labels of task 0 are others" in message and message.endswith("tasks must keep their images.")


def test_a_new_domain_grows_the_run_where_the_domains_are_bound_in_order(tmp_path):
  root = tmp_path / "photos"
  photographs.write(root / "studio", photographs.CLASSES[:2])
  first = short_runs.plan_of_photographs(tmp_path, root, bindings="")
  cache = str(tmp_path / "cache")
  parent = short_runs.train(tmp_path / "first", first, cache_dir=cache)
  for number, name in enumerate(photographs.CLASSES[:2]):
    photographs.write(root / "sketch", (name,), 10, longest=30 + number)
  message = _refusal(parent, short_runs.plan_of_photographs(tmp_path, root, bindings=""), tmp_path)
  assert "task 0 are others" in message and "Bind FolderStream.domains: the earlier domains in their order" in message
  run = short_runs.plan_of_photographs(tmp_path, root, bindings="FolderStream.domains = ('studio', 'sketch')")
  folder = short_runs.train(tmp_path / "grown", run, cache_dir=cache, grow=str(parent))
  _check_that_the_last_visit_alone_was_trained(folder, parent, 2)

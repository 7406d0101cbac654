"""Every stream can be cut to its first tasks, which stay what they were."""

import csv
import inspect
import pkgutil

import numpy as np
import pytest

from benchmark.suites import open_stream
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf import types
from lasem_tf.data import stream, streams
from lasem_tf.data.streams import (
  any_tfds,
  cifar100,
  hierarchy,
  mnist_and_cifar10,
  office_home,
  own_files,
  stl10,
  synthetic,
)
from tests.data import photographs

CONTEXT = stream.StreamContext(seed=1, design_only=True)
PLANTED = {"configurations": ("111", "011", "100", "001"), "train_images": 4, "first_train_images": 4,
           "validation_images": 4, "test_images": 4}
# Class, bindings of the whole stream, the fewer tasks.
STREAMS = [(synthetic.Synthetic, {}, 3), (office_home.OfficeHome, {}, 7), (office_home.OfficeHomeIncremental, {}, 2),
           (cifar100.CIFAR100, {}, 3), (cifar100.CIFAR100, {"num_tasks": 20}, 12),
           (mnist_and_cifar10.MNISTBinary, {"num_tasks": 5}, 1),
           (mnist_and_cifar10.CIFAR10Binary, {"num_tasks": 10}, 6), (hierarchy.Hierarchy, PLANTED, 2)]
# Streams whose own `num_tasks` says how the data are divided; only `experiment.first_tasks` cuts these.
DIVIDED = [(stl10.STL10, {}, 7), (stl10.STL10, {"num_tasks": 15, "num_classes": 5}, 4),
           (cifar100.CIFAR100, {"num_tasks": 20}, 5), (mnist_and_cifar10.MNISTBinary, {"num_tasks": 10}, 3)]
ON_FILES = (any_tfds.TFDSStream, own_files.FolderStream, own_files.TableStream)


@pytest.fixture(name="photos", scope="module")
def _photos(tmp_path_factory):
  """Folders of classes; domains of classes; a table. Two images of each class in every split."""
  root, bindings = tmp_path_factory.mktemp("first"), {"image_size": 8, "split": (0.4, 0.3, 0.3)}
  folder = photographs.write(root / "photos", photographs.CLASSES[:6], 6)
  for domain in ("art", "photo", "web"):
    photographs.write(root / "domains" / domain, photographs.CLASSES[:2], 6)
  with open(root / "list.csv", "w", newline="") as file:
    csv.writer(file).writerows([("path", "label", "task"), *(
        (f"photos/{name}/{number:03}.jpg", name, f"task {row // 2}")
        for row, name in enumerate(photographs.CLASSES[:6]) for number in range(6))])
  context = stream.StreamContext(seed=1, cache_dir=str(root / "cache"))

  def opener(kind, place, **own):
    return lambda **more: kind(context, str(place), **{**bindings, **own, **more})

  return {"divided": opener(own_files.FolderStream, folder, num_tasks=3),
          "domains": opener(own_files.FolderStream, root / "domains"),
          "table": opener(own_files.TableStream, root / "list.csv")}


def _check(cut, whole, fewer, loads=False):
  assert cut.num_tasks == fewer < whole.num_tasks and cut.name == whole.name
  assert cut.tasks == whole.tasks[:fewer]
  assert cut.display_name == f"{whole.display_name} (first {fewer} of {whole.num_tasks} tasks)"
  assert cut.protocol == {**whole.protocol, "num_tasks": fewer, "of_tasks": whole.num_tasks}
  assert cut.design_fingerprint != whole.design_fingerprint and cut.data_fingerprint != whole.data_fingerprint
  assert cut.counts() == {split: numbers[:fewer] for split, numbers in whole.counts().items()}
  for task in range(fewer):
    for split in types.SPLITS:
      np.testing.assert_array_equal(cut.source_indices(task, split), whole.source_indices(task, split))
      if loads:
        for found, expected in zip(*(vars(each.load(task, split)).values() for each in (cut, whole))):
          np.testing.assert_array_equal(found, expected)


def _cut(made, fewer):
  made.keep_first(fewer, "experiment.first_tasks")
  return made


@pytest.mark.parametrize("kind, bindings, fewer", STREAMS)
def test_num_tasks_leaves_the_first_tasks_of_the_whole_stream(kind, bindings, fewer):
  whole, cut = kind(CONTEXT, **bindings), kind(CONTEXT, **{**bindings, "num_tasks": fewer})
  _check(cut, whole, fewer)
  assert _cut(kind(CONTEXT, **bindings), fewer).data_fingerprint == cut.data_fingerprint  # One record, either way.


@pytest.mark.parametrize("kind, bindings, fewer", DIVIDED)
def test_streams_whose_number_of_tasks_is_another_division_are_cut_besides(kind, bindings, fewer):
  _check(_cut(kind(CONTEXT, **bindings), fewer), kind(CONTEXT, **bindings), fewer)


@pytest.mark.parametrize("kind, bindings, fewer", STREAMS)
def test_the_own_number_of_tasks_changes_nothing(kind, bindings, fewer):
  whole = kind(CONTEXT, **bindings)
  for same in (kind(CONTEXT, **{**bindings, "num_tasks": whole.num_tasks}),
               _cut(kind(CONTEXT, **bindings), whole.num_tasks), _cut(kind(CONTEXT, **bindings), None)):
    assert same.protocol == whole.protocol and same.data_fingerprint == whole.data_fingerprint


@pytest.mark.parametrize("name", ["divided", "domains", "table"])
def test_ones_own_files(photos, name):
  cut, whole = _cut(photos[name](), 2), photos[name]()
  _check(cut, whole, 2, loads=True)
  assert cut.preprocessing(1) == whole.preprocessing(1)
  assert [len(each.all_image_files()) for each in (cut, whole)] == [24, 36]
  report = cut.prepare()
  assert report.reused + report.built == 24
  if name == "divided":  # Here all classes are divided into so many tasks.
    assert photos[name](num_tasks=2).tasks != cut.tasks
  else:
    assert photos[name](num_tasks=2).data_fingerprint == cut.data_fingerprint


def test_rotated_tasks_count(photos):
  _check(photos["table"](num_tasks=4, rotations=(0, 90)), photos["table"](rotations=(0, 90)), 4, loads=True)


def test_every_stream_is_tested():
  """`TFDSStream`, whose data sets take seconds to write, in test_any_tfds."""
  modules = [f"{streams.__name__}.{module.name}" for module in pkgutil.iter_modules(streams.__path__)]
  found = {each for name in modules for _, each in inspect.getmembers(__import__(name, fromlist=["_"]), inspect.isclass)
           if issubclass(each, stream.TaskStream) and not inspect.isabstract(each)}
  tested = {kind for kind, _, _ in (*STREAMS, *DIVIDED)} | {*ON_FILES}
  assert {each for each in found if not any(issubclass(one, each) for one in tested)} == set()


@pytest.mark.parametrize("kind, bindings", [(synthetic.Synthetic, {}), (hierarchy.Hierarchy, PLANTED)])
def test_pixels_stay(kind, bindings):
  context = stream.StreamContext(seed=1)
  cut = kind(context, num_tasks=2, **bindings)
  _check(cut, kind(context, **bindings), 2, loads=True)
  with pytest.raises(ValueError, match=f"Task 2 is not in stream {cut.name}, which has 2 tasks"):
    cut.load(2, "train")


def test_a_cut_of_a_cut_tells_how_many_tasks_there_were_at_first():
  twice, once = _cut(synthetic.Synthetic(CONTEXT, num_tasks=5), 3), synthetic.Synthetic(CONTEXT, num_tasks=3)
  assert twice.display_name == "Synthetic (first 3 of 8 tasks)" and twice.protocol == once.protocol
  assert twice.data_fingerprint == once.data_fingerprint
  with pytest.raises(ValueError, match="experiment.first_tasks must be a whole number from 1 to 3"):
    _cut(twice, 5)


def test_what_was_asked_before_the_cut_is_forgotten():
  asked = synthetic.Synthetic(CONTEXT)
  asked.counts(), asked.data_fingerprint
  _check(_cut(asked, 3), synthetic.Synthetic(CONTEXT), 3)


@pytest.mark.parametrize("wrong", [0, 9, -1, True, 2.0, "3"])
def test_other_numbers_are_refused(wrong):
  with pytest.raises(ValueError, match=r"Synthetic.num_tasks must be a whole number from 1 to 8, .*, not "):
    synthetic.Synthetic(CONTEXT, num_tasks=wrong)
  with pytest.raises(ValueError, match=r"experiment.first_tasks must be a whole number from 1 to 8, .*, not "):
    _cut(synthetic.Synthetic(CONTEXT), wrong)


def test_one_binding_cuts_any_stream_by_name():
  for name, own in (("planted_medium", 6), ("stl10_20", 20), ("cifar100_40", 40)):
    cut = open_stream.load_stream(name, CONTEXT, ["FEW = 2", "experiment.first_tasks = %FEW"])
    _check(cut, open_stream.load_stream(name, CONTEXT), 2)
    assert cut.protocol["of_tasks"] == own
  with pytest.raises(ConfigurationError, match="^experiment.first_tasks must be a whole number from 1 to 20, the "
                                               "number of tasks of stream stl10_20, not 21[.]$"):
    open_stream.load_stream("stl10_20", CONTEXT, ["experiment.first_tasks = 21"])
  with pytest.raises(ConfigurationError, match="experiment.first_tasks = '2': expected int or None, got str"):
    open_stream.load_stream("stl10_20", CONTEXT, ["experiment.first_tasks = '2'"])

"""The CIFAR-100 part of the fixture `data_semantics`, recorded from the releases with identifiable fake pixels."""

import json
import pathlib

import numpy as np
import pytest

from lasem_tf.data import pipeline, splits, stream
from lasem_tf.data.streams import cifar100, cifar100_tables
from tests.data import raw_files


@pytest.fixture(scope="module")
def golden(request):
  folder = pathlib.Path(request.config.getoption("--golden_dir"))
  path = folder / "data_semantics.npz"
  if not path.is_file():
    pytest.skip(f"no fixture {path}")
  with np.load(path) as arrays:
    return dict(arrays) | {"statements": json.loads((folder / "data_semantics.json").read_text())["statements"]}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
  """The releases' protocol on a set of the fixture's size: 60 training and 20 test images of each class."""
  folder = raw_files.write_cifar100(tmp_path_factory.mktemp("cifar100"), 60, 20)

  def make(trial):
    # The fixture asks for 17 + 3 images of a class, whose pools then hold 50 + 10; the official ones hold 416 + 83.
    context = stream.StreamContext(seed=trial, data_dirs=(str(folder),))
    return cifar100.CIFAR100(context, protocol="reference", images_per_class="any")

  return make


def test_class_table(golden):
  np.testing.assert_array_equal(golden["cifar100/label_map_10tasks"], cifar100_tables.task_classes(10))
  assert golden["statements"]["cifar100_20tasks"]["num_tasks"] == len(cifar100_tables.task_classes(20))


def test_pool_sizes(golden):
  statement = golden["statements"]["cifar100_split_counts"]
  assert splits.pool_sizes(statement["n_per_class"], "truncated") == (statement["train"][0], statement["valid"][0])
  statement = golden["statements"]["cifar100_groups"]["split_counts_for_500_per_class"]
  assert splits.pool_sizes(500, "truncated") == (statement["train"], statement["valid"])


def test_counts_per_class(golden, reference):
  made = reference(0)
  for task in made.tasks:
    found = {}
    for split, file in (("train", "train"), ("validation", "train"), ("test", "test")):
      classes = made.source.labels[file][made.source_indices(task.task_id, split)]
      found[split] = np.bincount(classes, minlength=100)[list(task.class_ids)]
    np.testing.assert_array_equal(found["train"], golden["cifar100/count_per_class_train"][task.task_id])
    np.testing.assert_array_equal(found["validation"], golden["cifar100/count_per_class_valid"][task.task_id])
    # The fixture asks for 15 of the 20 test images; the streams of the papers take all.
    assert found["test"].tolist() == [20] * 10 and set(golden["cifar100/count_per_class_test"][task.task_id]) == {15}


def test_trials_hold_the_same_images_in_another_order(golden, reference):
  statement = golden["statements"]["cifar100_groups"]
  trials = [reference(trial) for trial in range(3)]
  for task in range(10):
    train = [made.source_indices(task, "train") for made in trials]
    validation = [made.source_indices(task, "validation") for made in trials]
    same_images = all(set(indices) == set(train[0]) for indices in train)
    assert same_images == statement["same_images_in_every_group_train"]
    assert all(
        set(indices) == set(validation[0]) for indices in validation) == statement["same_images_in_every_group_valid"]
    assert all(np.array_equal(indices, train[0]) for indices in train) == statement["same_order_in_groups"]
    assert set(train[0]).isdisjoint(validation[0]) == statement["train_valid_disjoint"]
    assert len(set(np.concatenate(train))) == statement["distinct_images_train"][task]


@pytest.mark.parametrize("split, name", [("train", "train"), ("validation", "valid"), ("test", "test")])
def test_every_split_is_standardised_on_its_own(golden, reference, split, name):
  for task in (0, 9):
    images = reference(0).load(task, split).images.astype(np.float64)
    recorded_mean, recorded_deviation = golden[f"cifar100/channel_mean_std_{name}"][task]
    # The releases sum in float32, so the mean and deviation that they reach are not quite 0 and 1.
    np.testing.assert_allclose(images.mean(axis=(0, 1, 2)), recorded_mean, atol=1e-2)
    np.testing.assert_allclose(images.std(axis=(0, 1, 2)), recorded_deviation, atol=1e-2)


@pytest.mark.parametrize("case, shape", [("in", (4, 4, 4, 3)), ("const_in", (2, 2, 2, 3))])
def test_standardisation_formula(golden, case, shape):
  images = golden[f"standardize/{case}"].reshape(shape)
  statistics = pipeline.channel_statistics([images])
  found = (images.astype(np.float64) - statistics.mean) / statistics.scale
  expected = golden[f"standardize/{case.replace('in', 'out')}"].reshape(shape)
  np.testing.assert_allclose(found, expected, atol=2e-5)

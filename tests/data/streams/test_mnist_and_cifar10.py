"""The binary MNIST and CIFAR-10 streams: counts, sides, trials, bad bindings."""

import pathlib

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.data import stream
from lasem_tf.data.readers import cifar_files, idx_files
from lasem_tf.data.streams import mnist_and_cifar10
from tests.data import raw_files

VALIDATION_DIGITS = idx_files.MNIST_VALIDATION_COUNTS


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
  """Files of MNIST's size and counts, with other pixels."""
  digits = np.arange(10)
  rest = np.array(idx_files.MNIST_TRAIN_COUNTS) - VALIDATION_DIGITS
  random = np.random.default_rng(0)
  train = np.concatenate([random.permutation(np.repeat(digits, counts)) for counts in (VALIDATION_DIGITS, rest)])
  test = random.permutation(np.repeat(digits, idx_files.MNIST_TEST_COUNTS))
  return str(raw_files.write_mnist(tmp_path_factory.mktemp("mnist"), train, test, compress=False))


def make(kind, folder, seed=0, images_per_class="any", **bindings):
  return kind(stream.StreamContext(seed=seed, data_dirs=(folder,)), images_per_class=images_per_class, **bindings)


def cifar10(seed=0, **bindings):
  """The stream of the official size, without files."""
  return mnist_and_cifar10.CIFAR10Binary(stream.StreamContext(seed=seed, design_only=True), **bindings)


def positives(made, split):
  return [int(made._members(task.task_id, split)[1].sum()) for task in made.tasks]


def check_sides(made):
  """Labels follow the classes, and nothing is drawn twice."""
  for task in made.tasks:
    for split in types.SPLITS:
      indices, labels = made._members(task.task_id, split)
      classes = made.source.labels["test" if split == "test" else "train"][indices]
      if made.num_tasks == 5:
        np.testing.assert_array_equal(classes, np.where(labels == 1, 2 * task.task_id, 2 * task.task_id + 1))
      else:
        np.testing.assert_array_equal(classes == task.task_id, labels == 1)
      assert len(np.unique(indices)) == len(indices)
    assert set(made.source_indices(task.task_id, "train")).isdisjoint(made.source_indices(task.task_id, "validation"))


def test_mnist_pools(mnist):
  made = make(mnist_and_cifar10.MNISTBinary, mnist)
  assert [len(pool) for pool in made._pools["validation"]] == list(VALIDATION_DIGITS)
  assert sum(len(pool) for pool in made._pools["train"]) == 55000 and len(made._pools["train"][5]) == 4987
  assert len(made._pools["test"][5]) == 892


def test_mnist5(mnist):
  made = make(mnist_and_cifar10.MNISTBinary, mnist)
  assert made.counts() == {"train": [300] * 5, "validation": [60] * 5, "test": [1800] * 5}
  assert positives(made, "test") == [900, 900, 908, 900, 900]
  assert positives(made, "train") == [150] * 5 and positives(made, "validation") == [30] * 5
  assert made.name == "mnist5" and made.display_name == "unofficial data in MNIST format (5 binary tasks)"
  assert made.tasks[2].class_names == ("5", "4") and made.tasks[2].num_classes == 2
  check_sides(made)


def test_mnist10(mnist):
  made = make(mnist_and_cifar10.MNISTBinary, mnist, num_tasks=10)
  assert made.counts() == {"train": [300] * 10, "validation": [30] * 10, "test": [2000] * 10}
  assert positives(made, "test") == [980, 1000, 1000, 1000, 982, 892, 958, 1000, 974, 1000]
  assert positives(made, "validation")[5] == 434 * 3 // 100 and made.tasks[5].class_names == ("not 5", "5")
  check_sides(made)


def test_one_per_cent_is_not_all(mnist):
  made = make(mnist_and_cifar10.MNISTBinary, mnist, num_tasks=10, data_percent=1)
  assert [len(pool) for pool in made._pools["train"]][5] == 49 and positives(made, "train")[5] == 49


@pytest.mark.parametrize("num_tasks", [5, 10])
def test_mnist_count_table(mnist, num_tasks):
  for percent, (num_train, num_validation) in mnist_and_cifar10.MNIST_COUNTS[num_tasks].items():
    if num_tasks == 5 and percent >= 50:
      with pytest.raises(
          stream.DataError,
          match="validation split of task 1 of mnist5 cannot be drawn: 1000 images are needed, but only 488 .* 493"):
        make(mnist_and_cifar10.MNISTBinary, mnist, data_percent=percent)
    else:
      counts = make(mnist_and_cifar10.MNISTBinary, mnist, num_tasks=num_tasks, data_percent=percent).counts()
      assert set(counts["train"]) == {num_train} and set(counts["validation"]) == {num_validation}


def test_mnist_images_are_scaled_only(mnist):
  made = make(mnist_and_cifar10.MNISTBinary, mnist)
  loaded = made.load(4, "validation")
  assert loaded.images.shape == (60, 28, 28, 1)
  assert loaded.images.dtype == np.float32 and loaded.labels.dtype == np.int32
  np.testing.assert_array_equal(loaded.images, made.source.images["train"][loaded.indices] / np.float32(255))
  assert made.image_shape == (28, 28, 1)


def test_trials_differ_but_share_the_test_set(mnist):
  first, again, second = (make(mnist_and_cifar10.MNISTBinary, mnist, num_tasks=10, seed=seed) for seed in (0, 0, 1))
  for split, equal in (("train", False), ("validation", False), ("test", True)):
    np.testing.assert_array_equal(first.source_indices(3, split), again.source_indices(3, split))
    assert np.array_equal(first.source_indices(3, split), second.source_indices(3, split)) == equal
  assert first.design_fingerprint == second.design_fingerprint
  assert first.data_fingerprint == again.data_fingerprint != second.data_fingerprint


def test_ten_tasks_share_the_subset(mnist):
  made = make(mnist_and_cifar10.MNISTBinary, mnist, num_tasks=10)
  used = {index for task in range(10) for index in made.source_indices(task, "train")}
  assert len(used) <= sum(int(count) * 3 // 100 for count in np.array(idx_files.MNIST_TRAIN_COUNTS) - VALIDATION_DIGITS)


def test_cifar10_counts_of_the_releases():
  made = cifar10(num_tasks=10, protocol="reference")
  found = [(made.counts()[split][0], positives(made, split)[0]) for split in types.SPLITS]
  assert found == [(340, 166), (60, 30), (2000, 1000)]
  assert made.display_name == "CIFAR-10 (10 binary tasks)" and made.name == "cifar10_10"
  check_sides(made)


@pytest.mark.parametrize("num_tasks", [5, 10])
def test_cifar10_count_table(num_tasks):
  for percent, (num_train, num_validation) in mnist_and_cifar10.CIFAR10_COUNTS[num_tasks].items():
    if num_tasks == 5 and percent == 100:
      with pytest.raises(stream.DataError, match="1670 images are needed, but only 833 positive and 833 negative"):
        cifar10(data_percent=percent)
    else:
      counts = cifar10(num_tasks=num_tasks, data_percent=percent).counts()
      assert (counts["train"][1], counts["validation"][1], counts["test"][1]) == (num_train, num_validation, 2000)


@pytest.mark.parametrize("protocol, size", [("clean", (4167, 833)), ("reference", (4166, 833))])
def test_cifar10_pools(protocol, size):
  pools = [cifar10(protocol=protocol, seed=seed)._pools for seed in (0, 1)]
  assert (len(pools[0]["train"][0]), len(pools[0]["validation"][0])) == size
  assert (set(pools[0]["train"][0]) == set(pools[1]["train"][0])) == (protocol == "reference")


def test_cifar10_files_are_standardised(tmp_path):
  folder = str(raw_files.write_cifar10(tmp_path, 12, 10))
  made = make(mnist_and_cifar10.CIFAR10Binary, folder, images_per_task=(60, 10, 20))
  check_sides(made)
  train, test = made.load(1, "train").images, made.load(1, "test").images
  assert train.shape == (60, 32, 32, 3) and abs(train.mean(axis=(0, 1, 2))).max() < 1e-5
  assert abs(test.mean(axis=(0, 1, 2))).max() > 0.1  # on the training images' scale
  reference = make(mnist_and_cifar10.CIFAR10Binary, folder, images_per_task=(60, 10, 20), protocol="reference")
  own = reference.load(1, "test").images
  assert abs(own.mean(axis=(0, 1, 2))).max() < 1e-5


@pytest.mark.parametrize("kind", [mnist_and_cifar10.MNISTBinary, mnist_and_cifar10.CIFAR10Binary])
def test_design_only_has_no_images(kind):
  made = kind(stream.StreamContext(design_only=True))
  expected = {mnist_and_cifar10.MNISTBinary: 300, mnist_and_cifar10.CIFAR10Binary: 340}[kind]
  assert made.counts()["train"] == [expected] * 5
  with pytest.raises(stream.DataError, match="was opened for its design only"):
    made.load(0, "train")


def test_a_smaller_validation_pool_can_be_planned_without_files():
  made = mnist_and_cifar10.MNISTBinary(stream.StreamContext(design_only=True), images_per_task=(800, 150, 500),
                                       validation_pool=1500)
  assert made.counts()["validation"] == [150] * 5


def test_only_official_files_are_accepted_by_default(mnist, tmp_path):
  with pytest.raises(stream.DataError,
                     match=r"counts are the official ones, but a checksum \(MD5\) is not: the files were altered"):
    make(mnist_and_cifar10.MNISTBinary, mnist, images_per_class="official")
  folder = str(raw_files.write_cifar10(tmp_path, 2, 1))
  with pytest.raises(stream.DataError, match="100 instead of 50000.*CIFAR10Binary.images_per_class = 'any'"):
    make(mnist_and_cifar10.CIFAR10Binary, folder, images_per_class="official")


def test_names_of_other_data(mnist):
  assert make(mnist_and_cifar10.MNISTBinary, mnist, data_name="Dots").display_name == "Dots (5 binary tasks)"
  with pytest.raises(ValueError, match="MNISTBinary.data_name = 'mnist': these files are not the official MNIST"):
    make(mnist_and_cifar10.MNISTBinary, mnist, data_name="mnist")


@pytest.mark.parametrize("kind", [mnist_and_cifar10.MNISTBinary, mnist_and_cifar10.CIFAR10Binary])
@pytest.mark.parametrize("bindings, reason", [
    ({"num_tasks": 11}, "num_tasks must be 5 or 10, or a smaller number of first tasks, not 11"),
    ({"data_percent": 2.5}, "data_percent = 2.5 is not in the table: use one of .*, or bind .*images_per_task"),
    ({"images_per_task": (1, 2)}, "images_per_task must be three positive integers"),
    ({"images_per_task": (1, 2, 0)}, "images_per_task must be three positive integers"),
    ({"protocol": "x"}, "protocol must be one of"),
])
def test_bad_bindings(kind, bindings, reason):
  with pytest.raises(ValueError, match=reason):
    make(kind, "nowhere", **bindings)


def test_bad_bindings_of_one_kind(mnist):
  with pytest.raises(ValueError, match="MNISTBinary.validation_pool must be a positive integer, not 0"):
    make(mnist_and_cifar10.MNISTBinary, mnist, validation_pool=0)
  with pytest.raises(ValueError, match="MNISTBinary.images_per_class must be 'official' or 'any', not 7"):
    make(mnist_and_cifar10.MNISTBinary, mnist, images_per_class=7)


@pytest.mark.parametrize("kind, folder_name, name", [
    (mnist_and_cifar10.MNISTBinary, idx_files.MNIST_FOLDER, "MNIST"),
    (mnist_and_cifar10.CIFAR10Binary, cifar_files.CIFAR10_FOLDER, "CIFAR-10"),
])
def test_official_files(official_data, kind, folder_name, name):
  if not (pathlib.Path(official_data) / folder_name).is_dir():
    pytest.skip(f"no official {name}: {official_data}/{folder_name} does not exist (--data_dir)")
  made = make(kind, official_data, images_per_class="official")
  assert made.display_name == f"{name} (5 binary tasks)"
  if name == "MNIST":
    assert [len(pool) for pool in made._pools["validation"]] == list(VALIDATION_DIGITS)
    assert positives(made, "test") == [900, 900, 908, 900, 900]

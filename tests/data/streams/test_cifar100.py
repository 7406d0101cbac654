"""The CIFAR-100 streams: counts, splits, normalisation, protocols, names, fingerprints, and bad bindings."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.data import stream
from lasem_tf.data.readers import cifar_files
from lasem_tf.data.streams import cifar100, cifar100_tables
from tests.data import raw_files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
  """108 + 100 images of each class: enough for 17 + 3 from the pools (90 + 18)."""
  return str(raw_files.write_cifar100(tmp_path_factory.mktemp("cifar100"), 108, 100))


def make(folder, seed=0, design_seed=0, images_per_class="any", **bindings):
  context = stream.StreamContext(seed=seed, design_seed=design_seed, data_dirs=(folder,))
  return cifar100.CIFAR100(context, images_per_class=images_per_class, **bindings)


def full(seed=0, design_seed=0, **bindings):
  """The stream of the official size, without files; for indices only."""
  return cifar100.CIFAR100(stream.StreamContext(seed=seed, design_seed=design_seed, design_only=True), **bindings)


def test_shapes_types_and_labels(files):
  made = make(files)
  for split, size in (("train", 170), ("validation", 30), ("test", 1000)):
    loaded = made.load(3, split)
    assert loaded.images.shape == (size, 32, 32, 3) and loaded.images.dtype == np.float32
    assert loaded.labels.dtype == np.int32 and loaded.indices.dtype == np.int64 and len(loaded) == size
    assert np.bincount(loaded.labels).tolist() == [size // 10] * 10
    np.testing.assert_array_equal(loaded.indices, made.source_indices(3, split))
  assert made.num_tasks == 10 and all(task.num_classes == 10 for task in made.tasks)
  assert made.tasks[3].class_names[1] == "name_73"


def test_counts_of_an_epoch(files):
  counts = make(files).counts()
  assert counts == {"train": [170] * 10, "validation": [30] * 10, "test": [1000] * 10}
  assert counts["train"][0] // 10 == 17 and counts["validation"][0] % 10 == counts["test"][0] % 10 == 0


@pytest.mark.parametrize("protocol", ["clean", "reference"])
def test_labels_and_pixels_belong_to_the_table(files, protocol):
  made = make(files, protocol=protocol)
  for split in types.SPLITS:
    file = "test" if split == "test" else "train"
    indices = made.source_indices(7, split)
    labels = made.load(7, split).labels
    classes = made.source.images[file][indices][:, 5, 5, 0]
    np.testing.assert_array_equal(classes, np.array(made.tasks[7].class_ids)[labels])
    assert (made.source.images[file][indices][:, 5, 5, 2] == (200 if split == "test" else 10)).all()


@pytest.mark.parametrize("protocol", ["clean", "reference"])
@pytest.mark.parametrize("percent", list(cifar100_tables.COUNTS_PER_TASK))
def test_count_table_on_full_size(percent, protocol):
  if percent == 100 and protocol == "reference":
    with pytest.raises(stream.DataError,
                       match="at most 416 for training and 83 for validation, but 417 and 83 .*training_pool = 'rest'"):
      full(data_percent=percent, protocol=protocol)
    return
  counts = full(data_percent=percent, protocol=protocol).counts()
  assert (counts["train"][0], counts["validation"][9]) == cifar100_tables.COUNTS_PER_TASK[percent]
  assert counts["train"][4] + counts["validation"][4] == 50 * percent and counts["test"] == [1000] * 10


@pytest.mark.parametrize("num_tasks", [10, 20, 40])
@pytest.mark.parametrize("protocol", ["clean", "reference"])
def test_no_image_is_trained_and_validated_on(num_tasks, protocol):
  made = full(num_tasks=num_tasks, protocol=protocol, seed=2)
  train, validation = ({index for task in range(num_tasks) for index in made.source_indices(task, split)}
                       for split in ("train", "validation"))
  assert not train & validation
  assert (len(train), len(validation)) == (1700, 300)  # a class gives the same images to all its tasks


def test_twenty_tasks_share_85_training_images_with_a_neighbour():
  made = full(num_tasks=20)
  first, second = (set(made.source_indices(task, "train")) for task in (0, 1))
  assert len(first & second) == 85
  assert not first & set(made.source_indices(1, "validation"))


def test_trials_differ_as_the_protocol_says():
  for protocol, fresh in (("clean", True), ("reference", False)):
    trials = [full(seed=seed, protocol=protocol) for seed in range(5)]
    images = [made.source_indices(0, "train") for made in trials]
    assert (len(set(np.concatenate(images))) > 170) == fresh
    assert not np.array_equal(images[0], images[1])
    assert all(np.array_equal(trials[0].source_indices(0, "test"), made.source_indices(0, "test")) for made in trials)
    np.testing.assert_array_equal(
        full(seed=3, protocol=protocol).source_indices(6, "train"), trials[3].source_indices(6, "train"))
  assert len(set(np.concatenate(images))) == 170


def test_design_seed_draws_the_fixed_images():
  first, second = (set(full(design_seed=design, protocol="reference").source_indices(0, "train")) for design in (0, 1))
  assert first != second


def test_clean_normalisation_restores_pixels_with_training_statistics(files):
  made = make(files)
  pixels = made.source.images["train"][made.source_indices(2, "train")].reshape(-1, 3) / 255.0
  mean, deviation = pixels.mean(axis=0), pixels.std(axis=0)
  for split in types.SPLITS:
    source = made.source.images["test" if split == "test" else "train"][made.source_indices(2, split)] / 255.0
    np.testing.assert_allclose(made.load(2, split).images.astype(np.float64) * deviation + mean, source, atol=1e-6)


@pytest.mark.parametrize("split", types.SPLITS)
def test_reference_normalisation_uses_each_splits_own_statistics(files, split):
  images = make(files, protocol="reference").load(2, split).images.astype(np.float64)
  assert abs(images.mean(axis=(0, 1, 2))).max() < 1e-5 and abs(images.std(axis=(0, 1, 2)) - 1).max() < 1e-4


def test_training_images_are_standardised(files):
  images = make(files).load(8, "train").images.astype(np.float64)
  assert abs(images.mean(axis=(0, 1, 2))).max() < 1e-5 and abs(images.std(axis=(0, 1, 2)) - 1).max() < 1e-4


def test_constant_colour_gives_finite_zeros(tmp_path):
  grey = lambda labels, split: np.full((len(labels), 3072), 93, np.uint8)
  folder = str(raw_files.write_cifar100(tmp_path, 3, 1, pixels=grey))
  images = make(folder, train_per_class=2, validation_per_class=1).load(0, "train").images
  assert abs(images).max() < 1e-5


def test_choices_can_be_overridden_one_by_one():
  made = full(protocol="reference", selection="per_trial", normalization="train")
  chosen = {name: made.protocol[name] for name in ("protocol", "selection", "training_pool", "normalization")}
  assert list(chosen.values()) == ["reference", "per_trial", "truncated", "train"]
  made = full(data_percent=100, protocol="reference", training_pool="rest")
  assert made.counts()["train"] == [4170] * 10


def test_fingerprints(files):
  made = make(files)
  again, other_trial = make(files), make(files, seed=1)
  assert (again.design_fingerprint, again.data_fingerprint) == (made.design_fingerprint, made.data_fingerprint)
  assert other_trial.design_fingerprint == made.design_fingerprint
  assert other_trial.data_fingerprint != made.data_fingerprint
  for binding, value in (("num_tasks", 20), ("protocol", "reference"), ("normalization", "per_split"),
                         ("data_percent", 2)):
    assert make(files, **{binding: value}).design_fingerprint != made.design_fingerprint
  assert make(files, data_name="other").design_fingerprint == made.design_fingerprint


def test_data_fingerprint_sees_one_altered_pixel(tmp_path):
  first = raw_files.write_cifar100(tmp_path / "a", 3, 1)
  second = tmp_path / "b"
  shutil.copytree(first, second)
  path = second / "cifar-100-python" / "test"
  content = bytearray(path.read_bytes())
  content[content.index(bytes([200] * 50))] ^= 1
  path.write_bytes(content)
  fingerprints = [make(str(folder), train_per_class=2, validation_per_class=1) for folder in (first, second)]
  assert fingerprints[0].design_fingerprint == fingerprints[1].design_fingerprint
  assert fingerprints[0].data_fingerprint != fingerprints[1].data_fingerprint


def test_official_names():
  assert full().display_name == "CIFAR-100" and full().name == "cifar100"
  assert full(num_tasks=20).display_name == "CIFAR-100 (20 tasks)" and full(num_tasks=40).name == "cifar100_40"
  assert full(data_name="mine").display_name == "CIFAR-100"
  assert full().tasks[0].class_names[:2] == ("beaver", "aquarium_fish")


def test_other_data_are_never_called_cifar100(files):
  assert make(files).display_name.endswith(", unofficial data in CIFAR-100 format")
  assert make(files, data_name="Fake images").display_name == "Fake images"
  with pytest.raises(ValueError, match="CIFAR100.data_name = 'CIFAR-100'"):
    make(files, data_name="CIFAR-100")


def test_official_counts_are_expected_by_default(files):
  with pytest.raises(
      stream.DataError,
      match=r"10800 instead of 50000.*class 0 has 108 instead of 500.*CIFAR100.images_per_class = 'any'"):
    make(files, images_per_class="official")
  with pytest.raises(stream.DataError, match="class 0 has 100 instead of 99"):
    make(files, images_per_class=(108, 99))
  assert make(files, images_per_class=(108, 100)).display_name.endswith(", unofficial data in CIFAR-100 format")


def test_altered_official_files_are_refused(monkeypatch):
  altered = dataclasses.replace(full().source, official=False)
  monkeypatch.setattr(cifar_files, "read_cifar100", lambda data_dirs: altered)
  altered_files = "MD5 of 'train' or 'test' is not the published one: the files were altered"
  with pytest.raises(stream.DataError, match=altered_files):
    make("", images_per_class="official")
  assert make("").display_name.endswith("unofficial data in CIFAR-100 format")


def test_design_only_has_no_images():
  assert full(seed=1).design_fingerprint == full().design_fingerprint
  with pytest.raises(stream.DataError, match="cifar100 was opened for its design only: it has no images"):
    full().load(0, "train")


def test_explicit_counts_bypass_table_and_pools(tmp_path):
  folder = str(raw_files.write_cifar100(tmp_path, 5, 2))
  counts = make(folder, train_per_class=4, validation_per_class=1).counts()
  assert counts == {"train": [40] * 10, "validation": [10] * 10, "test": [20] * 10}
  with pytest.raises(stream.DataError,
                     match="class 0 has 5 training images.*5 and 1 are asked for: lower CIFAR100.train_per_class"):
    make(folder, train_per_class=5, validation_per_class=1)
  with pytest.raises(stream.DataError,
                     match="class 0 has 5 training images, hence at most 5 for training and 0 for validation"):
    make(folder)


def test_class_without_test_image(tmp_path):
  raw_files.write_cifar100(tmp_path, 3, 1)
  (tmp_path / "cifar-100-python" / "test").write_bytes(raw_files.python2_pickle(
      {"data": np.zeros((99, 3072), np.uint8), "fine_labels": list(range(99))}))
  with pytest.raises(stream.DataError, match="class 99 has no test image"):
    make(str(tmp_path), train_per_class=1, validation_per_class=1)


@pytest.mark.parametrize("bindings, reason", [
    ({"data_percent": 5}, "data_percent = 5 is not in the table: use one of 2, 4, .* CIFAR100.train_per_class"),
    ({"data_percent": "4"}, "data_percent = '4' is not in the table"),
    ({"data_percent": 4.0}, "data_percent = 4.0 is not in the table"),
    ({"train_per_class": 4}, "CIFAR100.validation_per_class must be a positive integer, not None"),
    ({"validation_per_class": 1}, "CIFAR100.train_per_class must be a positive integer, not None"),
    ({"train_per_class": 0, "validation_per_class": 1}, "train_per_class must be a positive integer, not 0"),
    ({"train_per_class": True, "validation_per_class": 1}, "not True"),
    ({"num_tasks": 41}, "num_tasks must be 10, 20 or 40, or a smaller number of first tasks, not 41"),
    ({"protocol": "dirty"}, "protocol must be one of"),
    ({"selection": "random"}, "selection must be one of 'fixed', 'per_trial'"),
    ({"normalization": "none"}, "normalization must be one of"),
    ({"training_pool": 417}, "training_pool must be one of"),
    ({"source": "web"}, "CIFAR100.source must be 'raw' or 'tfds', not 'web'"),
    ({"images_per_class": "some"}, "images_per_class must be 'official', 'any' or a pair"),
    ({"images_per_class": (500,)}, "images_per_class must be 'official', 'any' or a pair"),
])
def test_bad_bindings(bindings, reason):
  with pytest.raises(ValueError, match=reason):
    make("nowhere", **bindings)  # found before any file is looked for


def test_unknown_task_and_split(files):
  made = make(files)
  with pytest.raises(ValueError, match="Unknown split 'valid'"):
    made.load(0, "valid")
  with pytest.raises(ValueError, match="Task 10 is not in stream cifar100"):
    made.load(10, "train")


def test_tiny_imagenet_loads_under_its_own_name(real_data):
  made = make(str(real_data / "tinyimagenet100"), images_per_class=(90, 50),
              data_name="Tiny-ImageNet-100 in CIFAR-100 format")
  assert made.counts() == {"train": [170] * 10, "validation": [30] * 10, "test": [500] * 10}
  assert made.display_name == "Tiny-ImageNet-100 in CIFAR-100 format"
  loaded = made.load(9, "validation")
  assert loaded.images.shape == (30, 32, 32, 3) and 0.5 < loaded.images.std() < 1.5
  with pytest.raises(stream.DataError, match="9000 instead of 50000"):
    make(str(real_data / "tinyimagenet100"), images_per_class="official")


def test_cifar100_fragment_loads(real_data):
  made = make(str(real_data / "cifar100_fragment"), train_per_class=4, validation_per_class=1)
  counts = made.counts()
  assert counts["train"] == [40] * 10 and counts["validation"] == [10] * 10
  assert counts["test"] == [94, 92, 89, 92, 98, 96, 88, 89, 81, 97] and sum(counts["test"]) == 916
  assert made.display_name.endswith(", unofficial data in CIFAR-100 format")
  assert made.tasks[0].class_names[0] == "beaver"  # the official meta file


def test_official_files(official_data):
  folder = pathlib.Path(official_data) / "cifar-100-python"
  if not folder.is_dir():
    pytest.skip(f"no official CIFAR-100: {folder} does not exist (--data_dir)")
  made = make(official_data, images_per_class="official")
  assert made.display_name == "CIFAR-100"
  for split, size in (("train", 500), ("test", 100)):
    assert made.source.class_counts(split).tolist() == [size] * 100
  assert made.source.class_names == tuple(cifar100_tables.CLASS_NAMES)

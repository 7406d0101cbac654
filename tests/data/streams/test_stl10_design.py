"""The seeded design: its distribution, its repetition, and the release's CSV files."""

import collections
import errno
import os

import numpy as np
import pytest

from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams import stl10_design, stl10_design_files
from lasem_tf.data.streams.stl10 import STL10
from tests.data import stl10_raw

_NAMES = [f"stl10_p25_v15_t20_c3_s{trial}.csv" for trial in range(5)]
_FILES = {"percent": 25, "validation_percent": 15, "num_tasks": 20, "num_classes": 3, "class_counts": [500] * 10}


@pytest.fixture(name="written")
def _written(tmp_path):
  stream = STL10(StreamContext(seed=7, design_only=True))
  assert [path.name for path in stream.write_design(tmp_path)] == _NAMES
  return tmp_path


def test_a_stream_that_was_cut_writes_the_design_of_all_tasks(written, tmp_path):
  cut = STL10(StreamContext(seed=7, design_only=True))
  cut.keep_first(3)
  (tmp_path / "cut").mkdir()
  assert [path.read_text() for path in cut.write_design(tmp_path / "cut")] == [
      (written / name).read_text() for name in _NAMES]


def _replace(path, old, new):
  text = path.read_text()
  assert old in text
  path.write_text(text.replace(old, new, 1))


def test_twenty_tasks_of_different_class_sets():
  tasks = stl10_design.draw_tasks(20, 3, 0, "stl10_20")
  assert len(tasks) == 20
  assert all(len(set(task.classes)) == 3 for task in tasks)
  assert len({frozenset(task.classes) for task in tasks}) == 20


def test_all_possible_sets_can_be_drawn_and_no_more():
  assert len({frozenset(task.classes) for task in stl10_design.draw_tasks(120, 3, 0, "x")}) == 120
  with pytest.raises(ValueError, match="no 121 different sets of 3"):
    stl10_design.draw_tasks(121, 3, 0, "x")


def test_noise_and_permutations_have_the_distribution_of_the_release():
  tasks = [task for seed in range(150) for task in stl10_design.draw_tasks(20, 3, seed, "stl10_20")]
  noise = collections.Counter((task.noise_mean, task.noise_deviation) for task in tasks)
  assert set(noise) == {(mean, deviation) for mean in (-0.05, -0.025, 0.0, 0.025) for deviation in (0.0, 0.025)}
  channels = collections.Counter(task.channels for task in tasks)
  classes = collections.Counter(class_id for task in tasks for class_id in task.classes)
  # Five standard deviations of the estimates from 3000 tasks.
  assert all(abs(count / 3000 - 1 / 8) < 0.031 for count in noise.values())
  assert len(channels) == 6 and all(abs(count / 3000 - 1 / 6) < 0.035 for count in channels.values())
  assert len(classes) == 10 and all(abs(count / 3000 - 3 / 10) < 0.042 for count in classes.values())
  assert all(task.has_noise == ((task.noise_mean, task.noise_deviation) != (0.0, 0.0)) for task in tasks)


def test_the_design_depends_on_the_design_seed_alone():
  streams = {(seed, design_seed): STL10(StreamContext(seed, design_seed, design_only=True))
             for seed in (0, 1) for design_seed in (0, 1)}
  assert streams[0, 0].design == streams[1, 0].design != streams[0, 1].design
  assert streams[0, 0].indices != streams[1, 0].indices
  assert streams[0, 0].design_fingerprint == streams[1, 0].design_fingerprint != streams[0, 1].design_fingerprint
  assert streams[0, 0].data_fingerprint != streams[1, 0].data_fingerprint


@pytest.mark.parametrize("bindings, expected", [
    ((500, 25, 15), (106, 19)), ((500, 10, 50), (25, 25)), ((130, 25, 15), (27, 5)), ((40, 25, 20), (8, 2))])
def test_images_per_class(bindings, expected):
  assert stl10_design.images_per_class(*bindings) == expected


def test_per_class_pools_keep_validation_images_out_of_all_training():
  def validation_images_trained_on(partition):
    indices = STL10(StreamContext(design_only=True), partition=partition).indices
    trained = {image for drawn in indices for image in drawn.train}
    validated = {image for drawn in indices for image in drawn.validation}
    assert all((len(drawn.train), len(drawn.validation)) == (318, 57) for drawn in indices)
    return len(trained & validated) / len(validated)

  assert validation_images_trained_on("independent") > 0.5
  assert validation_images_trained_on("per_class") == 0.0


def test_files_round_trip(written):
  for trial in range(5):
    stream = STL10(StreamContext(seed=trial, design_only=True))
    tasks, indices = stl10_design_files.read_trial(written, trial=trial, **_FILES)
    assert tasks == stream.design and indices == stream.indices
  assert sorted(path.name for path in written.iterdir()) == _NAMES


def test_rows_are_those_of_the_release(tmp_path):
  tasks = (stl10_design.TaskDesign((2, 9, 1), -0.025, 0.025, (2, 0, 1)), stl10_design.TaskDesign((0, 1, 2)))
  indices = (stl10_design.TaskIndices(((2, 9), (9, 3), (1, 0)), ((2, 34),)),
             stl10_design.TaskIndices(((0, 5), (1, 6), (2, 7)), ((1, 1),)))
  stl10_design_files.write(tmp_path / "design.csv", tasks, indices)
  assert (tmp_path / "design.csv").read_text().splitlines() == [
      "Task,0", "Classes,2,9,1", "Noise,-0.025,0.025", "ChannelSwap,2,0,1", "TrainIndices", "2,9", "9,3", "1,0",
      "ValidationIndices", "2,34", "Task,1", "Classes,0,1,2", "TrainIndices", "0,5", "1,6", "2,7", "ValidationIndices",
      "1,1"]
  assert stl10_design_files.read(tmp_path / "design.csv") == (tasks, indices)


def test_a_full_disk_leaves_no_file(tmp_path, monkeypatch):
  def full(source, target):
    raise OSError(errno.ENOSPC, "No space left on device")

  monkeypatch.setattr(os, "replace", full)
  with pytest.raises(DataError, match=f"{_NAMES[0]} cannot be written .No space left"):
    STL10(StreamContext(design_only=True)).write_design(tmp_path)
  assert not list(tmp_path.iterdir())


def test_an_incomplete_set_is_never_replaced(written):
  (written / _NAMES[3]).unlink()
  with pytest.raises(DataError, match="lacks stl10_p25_v15_t20_c3_s3.csv"):
    stl10_design_files.read_trial(written, trial=0, **_FILES)
  assert not (written / _NAMES[3]).exists()


def test_a_sixth_trial_does_not_exist(written):
  with pytest.raises(DataError, match="trials 0..4, not 5"):
    stl10_design_files.read_trial(written, trial=5, **_FILES)


@pytest.mark.parametrize("old, new, message", [
    ("Task,7\n", "Task,8\n", "s1.csv, line .*task 7 is expected"),
    ("TrainIndices\n", "TrainIndices\nx,1\n", "s1.csv, line .*does not belong there"),
    ("Classes,", "Classen,", "s1.csv, line 2: 'Classen"),
    ("Task,0\n", "Task,0\nNoise,a,b\n", "s1.csv, line 2.*does not belong there"),
    ("Task,0\n", "Task,0\n\n", "s1.csv, line 2"),
])
def test_a_damaged_row_is_named(written, old, new, message):
  _replace(written / _NAMES[1], old, new)
  with pytest.raises(DataError, match=message):
    stl10_design_files.read_trial(written, trial=0, **_FILES)


def test_a_file_cut_short_is_named(written):
  path = written / _NAMES[0]
  path.write_text(path.read_text().rsplit("ValidationIndices", 1)[0])
  with pytest.raises(DataError, match="task 19 lacks its classes or indices"):
    stl10_design_files.read_trial(written, trial=0, **_FILES)


def test_trials_of_different_tasks_are_refused(written, tmp_path_factory):
  other = tmp_path_factory.mktemp("other")
  STL10(StreamContext(design_seed=5, design_only=True)).write_design(other)
  (written / _NAMES[2]).write_text((other / _NAMES[2]).read_text())
  with pytest.raises(DataError, match="s2.csv describes other tasks than"):
    stl10_design_files.read_trial(written, trial=0, **_FILES)


def test_a_design_that_does_not_fit_the_data_is_refused(written):
  with pytest.raises(DataError, match="does not fit the data: task .* which does not exist"):
    stl10_design_files.read_trial(written, trial=0, **{**_FILES, "class_counts": [40] * 10})


@pytest.mark.parametrize("change, message", [
    (lambda t, i: (t[:-1], i[:-1]), "19 tasks instead of 20"),
    (lambda t, i: (_with(t, classes=(1, 1, 2)), i), "classes"),
    (lambda t, i: (_with(t, classes=(1, 2, 10)), i), "classes"),
    (lambda t, i: (_with(t, channels=(0, 0, 1)), i), "permutes the channels"),
    (lambda t, i: (_with(t, noise_deviation=-0.5), i), "noise"),
    (lambda t, i: (t, _with(i, validation=i[0].train[:1])), "listed twice"),
    (lambda t, i: (t, _with(i, train=i[0].train[:1])), "not of the classes"),
])
def test_impossible_designs_are_refused(tmp_path, change, message):
  stream = STL10(StreamContext(design_only=True))
  tasks, indices = change(stream.design, stream.indices)
  for name in _NAMES:
    stl10_design_files.write(tmp_path / name, tasks, indices)
  with pytest.raises(DataError, match=message):
    stl10_design_files.read_trial(tmp_path, trial=0, **_FILES)


def _with(rows, **changes):
  """The rows with fields of the first one changed."""
  fields = {name: getattr(rows[0], name) for name in rows[0].__dataclass_fields__}
  return (type(rows[0])(**{**fields, **changes}), *rows[1:])


def test_the_stream_reads_the_files_where_the_release_keeps_them(tmp_path):
  stl10_raw.write(tmp_path, 40, 2)
  context = StreamContext(seed=2, data_dirs=(str(tmp_path),))
  seeded = STL10(context, num_tasks=4, images_per_class=(40, 2))
  with pytest.raises(DataError, match="lacks .*_s0.csv"):
    STL10(context, num_tasks=4, images_per_class=(40, 2), design="files")
  seeded.write_design(tmp_path / "STL-10")
  read = STL10(context, num_tasks=4, images_per_class=(40, 2), design="files")
  for split in ("train", "validation", "test"):
    for task_id in range(4):
      np.testing.assert_array_equal(read.source_indices(task_id, split), seeded.source_indices(task_id, split))
  assert read.tasks == seeded.tasks

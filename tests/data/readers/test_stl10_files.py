"""The readers of the STL-10 binaries, and what they refuse."""

import numpy as np
import pytest

from lasem_tf.data.readers import stl10_files
from lasem_tf.data.stream import DataError
from tests.data import stl10_raw


def test_planes_are_stored_column_by_column(tmp_path):
  path = tmp_path / "train_X.bin"
  (np.arange(2 * stl10_files.IMAGE_BYTES) % 251).astype(np.uint8).tofile(path)
  images = stl10_files.map_images(path, 2)
  assert images.shape == (2, 96, 96, 3)
  for image, row, column, channel in ((0, 0, 1, 2), (0, 1, 0, 2), (1, 95, 3, 0), (1, 17, 95, 1)):
    position = image * stl10_files.IMAGE_BYTES + 9216 * channel + 96 * column + row
    assert images[image, row, column, channel] == position % 251


def test_one_image_of_counting_bytes(tmp_path):
  path = tmp_path / "train_X.bin"
  (np.arange(stl10_files.IMAGE_BYTES) % 256).astype(np.uint8).tofile(path)
  rows, columns, channels = np.meshgrid(range(96), range(96), range(3), indexing="ij")
  np.testing.assert_array_equal(stl10_files.map_images(path, 1)[0], (9216 * channels + 96 * columns + rows) % 256)


def test_label_bytes_count_from_one(tmp_path):
  path = tmp_path / "train_y.bin"
  np.array([1, 10], np.uint8).tofile(path)
  assert stl10_files.read_labels(path).tolist() == [0, 9]


@pytest.mark.parametrize("byte", [0, 11])
def test_label_bytes_outside_one_to_ten_are_refused(tmp_path, byte):
  path = tmp_path / "train_y.bin"
  np.array([1, byte], np.uint8).tofile(path)
  with pytest.raises(DataError, match=f"train_y.bin: byte 1 is {byte}, but labels are 1..10"):
    stl10_files.read_labels(path)


def test_a_cut_file_is_named_with_expected_and_found_bytes(tmp_path):
  root = stl10_raw.write(tmp_path, 2, 2)
  path = root / "STL-10" / "raw_data" / "test_X.bin"
  path.write_bytes(path.read_bytes()[:-1])
  with pytest.raises(DataError, match="test_X.bin has 552959 bytes, expected 552960"):
    stl10_files.read_stl10([str(root)])


def test_missing_files_and_folders_are_named(tmp_path):
  with pytest.raises(DataError, match="STL-10/raw_data.*--data_dir"):
    stl10_files.read_stl10([str(tmp_path)])
  root = stl10_raw.write(tmp_path, 2, 2)
  (root / "STL-10" / "raw_data" / "train_y.bin").unlink()
  with pytest.raises(DataError, match="lacks train_y.bin"):
    stl10_files.read_stl10([str(root)])


def test_an_empty_label_file_is_refused(tmp_path):
  root = stl10_raw.write(tmp_path, 2, 2)
  (root / "STL-10" / "raw_data" / "train_y.bin").write_bytes(b"")
  with pytest.raises(DataError, match="train_y.bin is empty"):
    stl10_files.read_stl10([str(root)])


def test_the_folder_of_the_archive_is_found_too(tmp_path):
  root = stl10_raw.write(tmp_path, 2, 2)
  (root / "STL-10" / "raw_data").rename(root / "stl10_binary")
  source = stl10_files.read_stl10(["/nowhere", str(root)])
  assert source.class_counts("train").tolist() == [2] * 10 and not source.official

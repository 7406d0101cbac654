"""Contact sheets show upright images, true colours and every split."""

import numpy as np
import pytest

from benchmark.inspection import contact_sheets
from lasem_tf import types
from lasem_tf.data import stream


class _Corners(stream.TaskStream):
  """Images with a red top and a green left side; the label is the brightness of the middle."""

  def __init__(self, channels=3, offset=0.0, scale=1.0):
    self.name, self.display_name, self.image_shape = "corners", "Corners", (8, 10, channels)
    self.tasks = (types.TaskInfo(0, 2, ("dark", "bright " * 20), details={"noise_mean": 0.0}),)
    self.protocol, self.context = {}, stream.StreamContext()
    self._offset, self._scale = offset, scale

  def _source_indices(self, task_id, split):
    return np.arange(4)

  def _load(self, task_id, split):
    images = np.zeros((4, *self.image_shape), np.float32)
    labels = np.array([0, 1, 0, 1], np.int32)
    images += 0.5 * labels[:, np.newaxis, np.newaxis, np.newaxis]
    images[:, :2, :, 0] = 1.0
    if self.image_shape[2] == 3:
      images[:, :, :2, 1] = 1.0
    return types.TaskSplit(self._scale * images + self._offset, labels, np.arange(4))


def _cell(sheet, row, column):
  return sheet[row * 10:row * 10 + 8, column * 12:column * 12 + 10]


@pytest.mark.parametrize("offset", [0.0, -0.5])
def test_rows_are_classes_columns_are_splits_and_images_stand_upright(offset):
  sheet = contact_sheets.compose(_Corners(offset=offset), 0)
  assert sheet.shape == (2 * 10, 9 * 12, 3)
  for column in (0, 1, 5, 6, 7):  # two images of a class in training and test, one in validation
    for row, brightness in enumerate((0.0, 0.5)):
      cell = _cell(sheet, row, column)
      np.testing.assert_allclose(cell[5, 5], brightness, atol=1e-6)
      np.testing.assert_allclose(cell[0, 5], [1.0, brightness, brightness], atol=1e-6)
      np.testing.assert_allclose(cell[5, 0], [brightness, 1.0, brightness], atol=1e-6)
  assert (_cell(sheet, 0, 2) == 1.0).all()  # a class with too few images leaves white


def test_standardised_images_are_spread_over_the_visible_range():
  sheet = contact_sheets.compose(_Corners(offset=-3.0, scale=5.0), 0)
  assert sheet.min() == 0.0 and sheet.max() == 1.0


def test_names_are_no_formulas(tmp_path):
  shown = _Corners()
  shown.display_name = "$\\alpha \x1b[31m"
  shown.tasks = (types.TaskInfo(0, 2, ("$\\foo{$", "a $ b"), details={"domain": "$_{$"}),)
  contact_sheets.draw(shown, 0, tmp_path / "sheet.png")


def test_grey_images_are_shown_in_grey(tmp_path):
  grey = _Corners(channels=1)
  sheet = contact_sheets.compose(grey, 0)
  np.testing.assert_array_equal(sheet[..., 0], sheet[..., 2])
  contact_sheets.draw(grey, 0, tmp_path / "sheet.png")
  assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"

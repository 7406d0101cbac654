"""STL-10 and Office-Home streams on real photographs in their formats, and on the official files where they are."""

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.data import preprocessing, sources
from lasem_tf.data.readers import image_cache, image_decoding, image_resizing, office_home_files, stl10_files
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams import office_home_classes
from lasem_tf.data.streams.office_home import OfficeHome, OfficeHomeIncremental
from lasem_tf.data.streams.stl10 import STL10


@pytest.fixture(name="caltech")
def _caltech(real_data, tmp_path):
  def make(seed=0, stream=OfficeHome):
    context = StreamContext(seed, 0, (str(real_data / "caltech101_officehome"),), str(tmp_path))
    return stream(context, images_per_class="any", data_name="Caltech-101 in Office-Home format")
  return make


def test_imagenette_in_stl10_format(real_data):
  stream = STL10(StreamContext(data_dirs=(str(real_data / "imagenette96"),)), images_per_class="any",
                 data_name="Imagenette in STL-10 format")
  assert stream.counts() == {"train": [81] * 20, "validation": [15] * 20, "test": [240] * 20}
  task_id = next(t for t, design in enumerate(stream.design) if design.noise_deviation and design.noise_mean)
  for split in types.SPLITS:
    examples = stream.load(task_id, split)
    assert examples.images.shape == (len(examples), 96, 96, 3) and np.abs(examples.images).max() <= 0.5
    # Photographs, not noise: neighbouring pixels are alike in both directions.
    for axis in (1, 2):
      assert np.abs(np.diff(examples.images, axis=axis)).mean() < 0.5 * examples.images.std()


def test_caltech_in_office_home_format(caltech):
  stream, other = caltech(0), caltech(1)
  assert stream.display_name == "Caltech-101 in Office-Home format"
  assert stream.counts()["train"] == [241, 239, 245, 252, 268, 244, 242, 248, 256, 269]
  assert stream.design_fingerprint == other.design_fingerprint and stream.data_fingerprint != other.data_fingerprint
  examples = stream.load(6, "validation")
  assert examples.images.shape == (35, 128, 128, 3) and 0 <= examples.images.min() < examples.images.max() <= 1
  assert 0.15 < examples.images.std() < 0.45


def test_real_photographs_of_any_size_are_resized_as_by_scikit_image(caltech):
  transform = pytest.importorskip("skimage.transform", reason="scikit-image is not installed: pip install -e .[test]")
  smaller, larger = 0, 0
  for path in caltech().all_image_files()[::300]:
    image = image_decoding.decode_rgb(path).astype(np.float32) / np.float32(255)
    smaller, larger = smaller + (min(image.shape[:2]) < 128), larger + (max(image.shape[:2]) > 128)
    expected = transform.resize(image, (128, 128), anti_aliasing=True)
    np.testing.assert_allclose(image_resizing.resize_antialiased(image, 128, 128), expected, rtol=0, atol=1e-5)
  assert smaller and larger


def test_a_second_pass_over_real_photographs_decodes_nothing(caltech, tmp_path):
  paths = caltech(stream=OfficeHomeIncremental).all_image_files()[:40]
  rule = preprocessing.Preprocessing((128, 128, 3), "stretch", oriented=False)
  for report in (image_cache.CacheReport(built=40), image_cache.CacheReport(reused=40)):
    assert image_cache.ImageCache(tmp_path, "Product", paths, rule).prepare(range(40)) == report


@pytest.fixture(name="official_office_home")
def _official_office_home(official_data):
  try:
    office_home_files.find_folder([official_data])
  except DataError as error:
    pytest.skip(f"the official Office-Home archive is not there: {error}")
  return StreamContext(data_dirs=(official_data,))


def test_official_office_home(official_office_home):
  folder = office_home_files.find_folder(official_office_home.data_dirs)
  images = {domain: office_home_files.list_images(folder, domain) for domain in office_home_classes.DOMAINS}
  assert [sum(map(len, images[domain])) for domain in office_home_classes.DOMAINS] == [4439, 4357]
  stream = OfficeHome(official_office_home)
  assert stream.display_name == "Office-Home"
  assert stream.counts()["train"] == [536, 587, 504, 527, 481, 562, 514, 502, 533, 475]
  assert stream.counts()["validation"] == [83, 93, 78, 81, 77, 89, 82, 80, 82, 73]
  assert stream.counts()["test"] == [264, 291, 249, 259, 238, 278, 253, 248, 263, 234]


def test_official_office_home_incremental(official_office_home):
  assert OfficeHomeIncremental(official_office_home).counts() == {
      "train": [116, 155, 183, 238, 263, 318], "validation": [18, 24, 28, 37, 41, 50],
      "test": [58, 77, 91, 118, 130, 157]}


def test_official_stl10(official_data):
  try:
    folder = stl10_files.find_folder([official_data])
  except DataError as error:
    pytest.skip(f"the official STL-10 binaries are not there: {error}")
  paths = sources.require_files(folder, tuple(stl10_files.MD5), stl10_files.REMEDY)
  sizes = {path.rsplit("/", 1)[-1]: size for path, size, _ in sources.file_state(paths)}
  assert sizes == {"train_X.bin": 138_240_000, "test_X.bin": 221_184_000, "train_y.bin": 5000, "test_y.bin": 8000}
  stream = STL10(StreamContext(data_dirs=(official_data,)))
  assert stream.display_name == "STL-10"
  assert stream.counts() == {"train": [318] * 20, "validation": [57] * 20, "test": [2400] * 20}

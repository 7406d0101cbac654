"""The Office-Home builder passes the test case that TensorFlow Datasets has for builders."""

import pathlib
import shutil
import tempfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from lasem_tf.data.streams import office_home_classes
from lasem_tf.data.tfds_builders import office_home

pytest.importorskip("dill", reason="the test case of TensorFlow Datasets needs dill: pip install -e .[test]")

# The test case itself opens event loops and protobuf messages that warn.
pytestmark = pytest.mark.filterwarnings("ignore")


class OfficeHomeBuilderTest(tfds.testing.DatasetBuilderTestCase):
  """Every domain is prepared from a folder with one image in each class, two in the first, and a stray file."""

  DATASET_CLASS = office_home.Builder
  SPLITS = {"train": 66}

  @classmethod
  def setUpClass(cls):
    cls.EXAMPLE_DIR = pathlib.Path(tempfile.mkdtemp())
    pixels = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)
    for domain in ("Art", "Clipart", "Product", "RealWorld"):
      for class_id, name in enumerate(office_home_classes.CLASS_NAMES):
        folder = cls.EXAMPLE_DIR / "OfficeHomeDataset" / domain / name
        folder.mkdir(parents=True)
        for number in range(1, 3 if class_id == 0 else 2):
          Image.fromarray(pixels).save(folder / f"{number:05}.jpg")
        (folder / "Thumbs.db").write_bytes(b"stray")
    super().setUpClass()

  @classmethod
  def tearDownClass(cls):
    super().tearDownClass()
    shutil.rmtree(cls.EXAMPLE_DIR)

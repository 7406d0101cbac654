"""Options and fixtures that all tests share."""

import os
import pathlib
import signal

import gin
import pytest

from tests.golden_support import plugin
from tests.golden_support.plugin import pytest_terminal_summary  # noqa: F401  a hook of pytest

# Those that take longest are begun first: a worker that came to one of them last would end long after the others.
BEGUN_FIRST = ("tests/test_learner_contract.py", "tests/test_resume.py", "tests/test_golden.py",
               "tests/benchmark/execution/ray/test_executor.py", "tests/benchmark/execution/test_disturbed_suites.py",
               "tests/learners/test_mechanisms.py", "tests/training/test_interruption.py", "tests/test_tutorial.py",
               "tests/test_resume_own_data.py", "tests/test_memory_growth.py", "tests/test_quickstart.py",
               "tests/training/test_trainer.py", "tests/training/test_evaluation.py")
_STAND_INS = ("tinyimagenet100", "cifar100_fragment", "imagenette96", "caltech101_officehome")


# Tests started in the background may have been told to ignore these; the commands under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# Tests read what commands print; a level of the user's own would add lines of TensorFlow's to it.
os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)


def pytest_addoption(parser):
  """`--golden_dir` of the golden fixtures, and `--data_dir` for the tests that need the official image files."""
  plugin.pytest_addoption(parser)
  parser.addoption(
      "--data_dir", default=os.environ.get("LASEM_DATA_DIR", "Data"), metavar="DIR",
      help="folder of the official data sets; tests of their exact counts are skipped without it (default: "
      "$LASEM_DATA_DIR, else Data)")


def pytest_collection_modifyitems(items):
  """Puts long files first; others keep their order."""
  places = {path: place for place, path in enumerate(BEGUN_FIRST)}
  items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(autouse=True)
def fresh_gin():
  """No configuration survives a test."""
  yield
  gin.clear_config()


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
  """Folder of the small sets of real images: `$LASEM_TEST_DATA`, else `../shared/data` beside the checkout."""
  default = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
  folder = pathlib.Path(os.environ.get("LASEM_TEST_DATA", default))
  missing = [name for name in _STAND_INS if not (folder / name).is_dir()]
  if missing:
    pytest.skip(f"no real images: {folder} lacks {', '.join(missing)} (set LASEM_TEST_DATA)")
  return folder


@pytest.fixture(scope="session")
def official_data(request) -> str:
  """Folder of `--data_dir`; a test skips itself where the official files it needs are not there."""
  return request.config.getoption("--data_dir")


@pytest.fixture
def float64():
  """Weights made during the test are in double precision."""
  import keras  # noqa: PLC0415  Reports are tested where there is no TensorFlow.

  # Keras derives its dtype policy from floatx once, then keeps it.
  for name in ("float64", "float32"):
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
    if name == "float64":
      yield

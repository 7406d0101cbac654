"""Environment variables and files that libraries read do not reach a result, and cannot end a run."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from benchmark.execution import process, surroundings

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_SETTLED = """
import json, os, warnings
import benchmark
from benchmark.execution import surroundings
warnings.warn("old", DeprecationWarning)
print(json.dumps([dict(os.environ), surroundings.describe_ignored()]))
"""


def _python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
  return subprocess.run([sys.executable, *arguments], cwd=_ROOT, capture_output=True, text=True, check=False,
                        env={**os.environ, **environment})


@pytest.mark.parametrize("name, value", [
    ("TF_ENABLE_ONEDNN_OPTS", "0"), ("TF_SET_ONEDNN_FPMATH_MODE", "BF16"), ("TF_DETERMINISTIC_OPS", "1"),
    ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2"), ("XLA_FLAGS", "--no_such_flag"), ("NVIDIA_TF32_OVERRIDE", "1"),
    ("TF_USE_LEGACY_KERAS", "1"), ("KERAS_MAX_EPOCHS", "one"), ("ONEDNN_MAX_CPU_ISA", "SSE41"),
    ("NPY_DISABLE_CPU_FEATURES", "AVX2"), ("TF_NUM_INTRAOP_THREADS", "7"), ("TF_GPU_THREAD_MODE", "gpu_private")])
def test_what_could_change_a_result_is_removed_and_named(name, value):
  environment, ignored = json.loads(_python("-c", _SETTLED, **{name: value}).stdout)
  assert name not in environment and name in ignored


def test_what_decides_nothing_is_kept_or_made_harmless(tmp_path):
  finished = _python("-c", _SETTLED, TF_CPP_MIN_LOG_LEVEL="1", TF_VAR_region="north", OMP_NUM_THREADS="3",
                     MPLBACKEND="nonsense", MATPLOTLIBRC=str(tmp_path), PYTHONWARNINGS="error,ignore::ImportWarning")
  assert finished.returncode == 0, finished.stderr
  environment, ignored = json.loads(finished.stdout)
  assert ignored == "" and "DeprecationWarning: old" in finished.stderr
  kept = {"TF_CPP_MIN_LOG_LEVEL": "1", "TF_VAR_region": "north", "OMP_NUM_THREADS": "3", "MPLBACKEND": "agg",
          "MATPLOTLIBRC": os.devnull, "PYTHONWARNINGS": "default,ignore::ImportWarning"}
  assert {name: environment[name] for name in kept} == kept


@pytest.mark.parametrize("given, kept", [
    ("e", "default"), ("err", "default"), (" error ", "default"),
    ("e::DeprecationWarning", "default::DeprecationWarning"),
    ("ignore::ImportWarning, e :old", "ignore::ImportWarning,default:old")])
def test_abbreviations_of_error_are_treated_as_the_word(given, kept):
  options = [f"-W{option}" for option in given.split(",")]
  by_variable, by_options = _python("-c", _SETTLED, PYTHONWARNINGS=given), _python(*options, "-c", _SETTLED)
  for finished in (by_variable, by_options):
    assert finished.returncode == 0 and "DeprecationWarning: old" in finished.stderr, finished.stderr
  assert json.loads(by_variable.stdout)[0]["PYTHONWARNINGS"] == kept


def test_settling_twice_changes_nothing(monkeypatch):
  monkeypatch.setattr(surroundings, "_ignored", set())
  before = dict(os.environ)
  surroundings.settle()
  assert dict(os.environ) == before and surroundings.describe_ignored() == ""


def test_keras_is_what_results_assume_whatever_its_file_says(tmp_path):
  (tmp_path / ".keras").mkdir()
  (tmp_path / ".keras" / "keras.json").write_text(json.dumps({
      "floatx": "float16", "backend": "jax", "image_data_format": "channels_first", "epsilon": "tiny"}))
  program = ("from benchmark.execution import process; process.prepare_process(); process.start_tensorflow()\n"
             "import keras; print(keras.config.floatx(), keras.backend.backend(), keras.config.image_data_format())")
  for environment in ({"HOME": str(tmp_path)}, {"KERAS_HOME": str(tmp_path / ".keras"), "KERAS_BACKEND": "torch"}):
    finished = _python("-W", "error", "-c", program, **environment)
    assert finished.stdout.split() == ["float32", "tensorflow", "channels_last"], finished.stderr


@pytest.mark.parametrize("name", ["PYTHONOPTIMIZE", "PYTHONHASHSEED", "PYTHONDEVMODE"])
def test_python_itself_may_be_told_to_behave_otherwise(name):
  finished = _python("-m", "benchmark.export", "--help", **{name: "2"} if name != "PYTHONDEVMODE" else {name: "1"})
  assert finished.returncode == 0 and "--results_dir" in finished.stdout, finished.stderr


def test_the_code_version_is_that_of_this_checkout(monkeypatch, tmp_path):
  """Inside a git hook, variables name the repository of the hook."""
  subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
  process.code_version.cache_clear()
  expected = process.code_version()
  for name, value in (("GIT_DIR", tmp_path / ".git"), ("GIT_WORK_TREE", tmp_path), ("GIT_INDEX_FILE", tmp_path / "no")):
    monkeypatch.setenv(name, str(value))
  process.code_version.cache_clear()
  assert process.code_version() == expected
  process.code_version.cache_clear()


def test_a_missing_temporary_folder_is_named_with_the_remedy(monkeypatch):
  def refuse():
    raise FileNotFoundError("No usable temporary directory found")

  monkeypatch.setattr(process.tempfile, "gettempdir", refuse)
  with pytest.raises(OSError, match="set TMPDIR"):
    process.import_tensorflow()

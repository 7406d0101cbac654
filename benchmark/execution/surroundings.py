"""Environment variables that libraries read: none may change a result, none that cannot may end a run.

Importing the package `benchmark` calls `settle`, before any library has been imported.
"""

import fnmatch
import os
import sys
import warnings

_PRECISION = "selects kernels or precision, and so the last bits of results"
# Pattern, value (None: removed) and reason. The first pattern that fits a name counts.
_RULES: tuple[tuple[str, str | None, str], ...] = (
    ("KERAS_BACKEND", "tensorflow", "networks are TensorFlow's"),
    # A file in the place of the folder: Keras then neither reads nor writes a keras.json.
    ("KERAS_HOME", os.devnull, "its keras.json sets floatx, backend and image format"),
    ("KERAS_*", None, "limits or redirects training"),
    ("NVIDIA_TF32_OVERRIDE", None, "overrides that TF32 is off"),
    ("TF_*", None, _PRECISION),
    ("XLA_*", None, _PRECISION),
    ("ONEDNN_*", None, _PRECISION),
    ("DNNL_*", None, _PRECISION),
    ("ZENDNN_*", None, _PRECISION),
    ("MKL_*", None, _PRECISION),
    ("CUBLAS_*", None, _PRECISION),
    ("CUDNN_*", None, _PRECISION),
    ("OPENBLAS_*", None, _PRECISION),
    ("NPY_*", None, _PRECISION),
    ("NUMPY_*", None, _PRECISION),
    ("MPLBACKEND", "agg", "figures are drawn without a screen"),
    ("MATPLOTLIBRC", os.devnull, "changes what figures look like"),
    ("PYTHONINSPECT", None, "worker processes would wait for input when they end"),
)
_VALUES = {pattern: value for pattern, value, _ in _RULES}
# Logging and memory: they decide no result, and some machines need them.
_KEPT = ("TF_CPP_*", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "TF_GPU_HOST_MEM_LIMIT_IN_MB",
         "TF_DEVICE_MIN_SYS_MEMORY_IN_MB",
         # Numbers of threads, which `process.prepare_process` sets.
         "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
         # Terraform's, which share TensorFlow's prefix.
         "TF_CLI_*", "TF_VAR_*", "TF_TOKEN_*", "TF_LOG", "TF_LOG_*", "TF_INPUT", "TF_DATA_DIR", "TF_WORKSPACE",
         "TF_IN_AUTOMATION", "TF_PLUGIN_CACHE_DIR", "TF_REGISTRY_*", "TF_STATE_*", "TF_CLOUD_*", "TF_IGNORE")
# Set whether or not the user did: else files in the home folder count.
_ALWAYS_SET = ("KERAS_BACKEND", "KERAS_HOME", "MPLBACKEND", "MATPLOTLIBRC")
# No user expects these to have an effect here.
_UNMENTIONED = ("KERAS_HOME", "MPLBACKEND", "MATPLOTLIBRC", "PYTHONINSPECT")

_ignored: set[str] = set()


def settle() -> None:
  """Sets and removes environment variables of this process and those it starts; see the table above."""
  for name in {*os.environ, *_ALWAYS_SET}:
    pattern = next((pattern for pattern in _VALUES if fnmatch.fnmatchcase(name, pattern)), None)
    if pattern is None or any(fnmatch.fnmatchcase(name, kept) for kept in _KEPT):
      continue
    given, value = os.environ.pop(name, None), _VALUES[pattern]
    if value is not None:
      os.environ[name] = value
    if given not in (None, value) and name not in _UNMENTIONED:
      _ignored.add(name)
  _show_warnings_instead_of_raising()


def describe_ignored() -> str:
  """One line that names what the user set to no effect; '' if there is nothing."""
  if not _ignored:
    return ""
  return f"Without effect, since they could change results: {', '.join(sorted(_ignored))} (environment variables)."


def _show_warnings_instead_of_raising() -> None:
  """PYTHONWARNINGS=error and -W error would end a run for what some library deprecates."""
  if not any(map(_raises, sys.warnoptions)):
    return
  sys.warnoptions[:] = [_shown(option) for option in sys.warnoptions]  # Worker processes inherit these,
  if "PYTHONWARNINGS" in os.environ:                                   # and these.
    os.environ["PYTHONWARNINGS"] = ",".join(map(_shown, os.environ["PYTHONWARNINGS"].split(",")))
  warnings.simplefilter("default")


def _raises(option: str) -> bool:
  """Whether the action is 'error'; Python takes any beginning of the word, with spaces around it."""
  action = option.partition(":")[0].strip()
  return bool(action) and "error".startswith(action)


def _shown(option: str) -> str:
  return f"default{option[len(option.partition(':')[0]):]}" if _raises(option) else option

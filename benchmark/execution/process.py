"""What surrounds a run: threads and determinism before TensorFlow starts, provenance after it ended."""

import contextlib
import dataclasses
import functools
import importlib.metadata
import os
import pathlib
import platform
import resource
import subprocess
import tempfile
from collections.abc import Sequence

from benchmark.execution import standard_streams, surroundings
from lasem_tf import cores

# How the notes begin that TensorFlow's libraries write while they are loaded, whatever the log level.
_STARTUP_NOTES = (b"WARNING: All log messages before absl::InitializeLog()", b"I0000 ",
                  b"To enable the following instructions")
_PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "gin-config", "tensorflow-datasets", "pillow", "lasem-tf",
             "optuna")


@dataclasses.dataclass(frozen=True)
class Place:
  """What one process may use.

  Attributes:
    core: the one core it is pinned to, for measurements; None: any. Workers of a suite are not pinned: two suites side
      by side, or two containers, would choose the same cores while others idle.
    gpu: the one GPU it sees, as CUDA_VISIBLE_DEVICES names it; None: those the parent sees.
    share: cores that it may keep busy with reading images; None: all that are usable.
  """

  core: int | None = None
  gpu: str | None = None
  share: int | None = None


def places(jobs: int | None, gpus: Sequence[str], runs_per_gpu: int) -> list[Place]:
  """Places for the workers of a suite: GPUs where there are any, else cores.

  Args:
    jobs: how many workers; None: as many as the GPUs, or the cores and their CPU quota, are made for.
    gpus: as `visible_gpus` gives them.
    runs_per_gpu: how many workers share a GPU, unless `jobs` says otherwise.
  """
  count = jobs or (len(gpus) * runs_per_gpu if gpus else cores.num_usable())
  share = max(1, cores.num_usable() // count)
  return [Place(gpu=gpus[job % len(gpus)] if gpus else None, share=share) for job in range(count)]


def visible_gpus() -> list[str]:
  """GPUs as CUDA_VISIBLE_DEVICES names them. TensorFlow no longer sees them in this process, which trains nothing."""
  import tensorflow as tf  # noqa: PLC0415  this module prepares its import

  found = tf.config.list_physical_devices("GPU")
  if not found:
    return []
  tf.config.set_visible_devices([], "GPU")
  named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
  return named[:len(found)] if named else [str(index) for index in range(len(found))]


def prepare_process(threads: int = 1, place: Place = Place()) -> None:
  """Sets streams, surroundings, threads, logging and place of a process that has not imported TensorFlow yet."""
  standard_streams.secure()
  surroundings.settle()
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
  os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
  if place.gpu is not None:
    os.environ["CUDA_VISIBLE_DEVICES"] = place.gpu
  if place.share is not None:
    cores.limit(place.share)
  if place.core is not None and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {place.core})


def import_tensorflow():
  """Imports TensorFlow without the notes that it writes to standard error before it can be told not to.

  They go to the file descriptor itself, so that is where they are held back; everything else written there meanwhile is
  passed on.

  Raises:
    OSError: there is no temporary folder, which TensorFlow needs too.
  """
  standard_streams.flush()
  try:
    tempfile.gettempdir()
  except FileNotFoundError as error:
    raise OSError("No temporary folder can be written: set TMPDIR to one that can.") from error
  with contextlib.ExitStack() as stack:
    held = stack.enter_context(tempfile.TemporaryFile())
    original = os.dup(2)
    stack.callback(os.close, original)
    os.dup2(held.fileno(), 2)
    try:
      import tensorflow as tf  # noqa: PLC0415  only now are its notes held back
    finally:
      os.dup2(original, 2)
      held.seek(0)
      kept = b"".join(line for line in held if not line.startswith(_STARTUP_NOTES))
      with contextlib.suppress(OSError):  # Nobody reads standard error.
        os.write(original, kept)
  return tf


def start_tensorflow(threads: int = 1, deterministic: bool = False) -> None:
  """Imports TensorFlow with the given number of threads.

  Args:
    threads: intra-op threads; with one, a CPU computes the same bits every time.
    deterministic: also ask for deterministic kernels, for GPUs and more threads.
  """
  tf = import_tensorflow()
  import keras  # noqa: PLC0415  imports TensorFlow

  # Set here too, for whoever imported Keras before the surroundings were settled.
  keras.config.set_floatx("float32")
  keras.config.set_dtype_policy("float32")
  keras.config.set_image_data_format("channels_last")
  tf.config.threading.set_intra_op_parallelism_threads(threads)
  tf.config.threading.set_inter_op_parallelism_threads(1)
  tf.config.experimental.enable_tensor_float_32_execution(False)
  for gpu in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(gpu, True)
  if deterministic:
    tf.config.experimental.enable_op_determinism()


def describe(threads: int) -> dict:
  """Where and with what a run was made, for its provenance."""
  import tensorflow as tf  # noqa: PLC0415  this module prepares its import

  gpus = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
          for gpu in tf.config.list_physical_devices("GPU")]
  return {
      "versions": {"python": platform.python_version(), **package_versions()},
      "device": ", ".join(gpus) or processor_name(),
      "processor": processor_name(),
      "platform": platform.platform(),
      "cores": os.cpu_count(),
      "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
      "threads": threads,
      "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
      **code_version(),
  }


def package_versions() -> dict[str, str]:
  """Versions of the packages that results rest on; a package that is not installed is left out."""
  versions = {}
  for name in _PACKAGES:
    try:
      versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return versions


def processor_name() -> str:
  """The processor's model name where the system tells it."""
  cpuinfo = pathlib.Path("/proc/cpuinfo")
  if cpuinfo.is_file():
    for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
      if line.startswith("model name"):
        return line.split(":", 1)[1].strip()
  return platform.processor() or platform.machine()


@functools.cache
def code_version() -> dict:
  """Commit of the checkout and whether its tree was dirty; None where the code is not in one."""
  checkout = pathlib.Path(__file__).resolve().parents[2]
  if not (checkout / ".git").exists():
    return {"commit": None, "dirty": None}

  # Inside a git hook, GIT_DIR and its like name another repository.
  environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

  def git(*arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()

  try:
    return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
  except (OSError, UnicodeDecodeError, subprocess.CalledProcessError):
    return {"commit": None, "dirty": None}


def peak_memory_bytes() -> int:
  """Largest resident size of this process so far."""
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return peak if platform.system() == "Darwin" else peak * 1024

"""What a processor can do with bfloat16, and a word to whoever asks for it where it cannot."""

import functools
import logging
import pathlib

import tensorflow as tf

# Flags of processors that multiply bfloat16 numbers themselves: matrix units, and vector units of x86 and of ARM.
_BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
_CPUINFO = pathlib.Path("/proc/cpuinfo")


def cpuinfo() -> str:
  """The text of /proc/cpuinfo; empty where there is none."""
  return _CPUINFO.read_text() if _CPUINFO.is_file() else ""


def multiplies_bfloat16(text: str) -> bool:
  """Whether the text of /proc/cpuinfo names a unit that multiplies bfloat16 numbers."""
  return not _BFLOAT16_FLAGS.isdisjoint(_flags(text))


def has_matrix_unit(text: str) -> bool:
  """Whether the text of /proc/cpuinfo names a matrix unit for bfloat16."""
  return "amx_bf16" in _flags(text)


def _flags(text: str) -> list[str]:
  """Those of the first processor; none where the text has none."""
  lines = (line for line in text.splitlines() if line.startswith(("flags", "Features")))
  return next(lines, "").partition(":")[2].split()


@functools.cache
def warn_where_slower() -> None:
  """Logs, once in a process, that mixed precision is slower here than float32."""
  if tf.config.list_physical_devices("GPU") or not (text := cpuinfo()) or multiplies_bfloat16(text):
    return
  logging.getLogger(__name__).warning(
      "ConvNetSpec.precision = 'mixed_bfloat16': this processor has no unit for bfloat16, so training will be slower "
      "than with 'float32'.")

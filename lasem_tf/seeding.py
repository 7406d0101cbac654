"""Named, stateless randomness.

Every random draw of the suite is a pure function of what it is for: `(seed, purpose, role, task, epoch, ...)`. Nothing
keeps a random state, so a resumed run continues bit for bit, and the name of a method never enters a data seed, so two
methods see the same images, batches and, for variables of one role and shape, the same initial weights.
"""

import hashlib
import json

import numpy as np


def _digest(parts: tuple) -> bytes:
  """SHA-256 of the parts; integers, strings, booleans, None and (nested) tuples of them are told apart by JSON."""
  return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()


def stateless_seed(*parts) -> tuple[int, int]:
  """Two int32 words for `tf.random.stateless_*`.

  Args:
    *parts: what the draw is for, most general first, e.g. `(seed, "dropout", task_id, epoch)`.

  Returns:
    A pair of Python integers in [0, 2**31).
  """
  digest = _digest(parts)
  first, second = (int.from_bytes(digest[i:i + 4], "little") & 0x7FFFFFFF for i in (0, 4))
  return first, second


def generator(*parts) -> np.random.Generator:
  """A counter-based NumPy generator (Philox) keyed by the parts; see `stateless_seed`."""
  return np.random.Generator(np.random.Philox(key=int.from_bytes(_digest(parts)[:16], "little")))


def fingerprint(*parts) -> str:
  """First 16 hexadecimal digits of SHA-256 of the JSON form of the parts."""
  return _digest(parts).hex()[:16]

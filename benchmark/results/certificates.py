"""Certificates on disk: which bits of a stream's declared configurations count as decisions. No TensorFlow here."""

import functools
import json
import pathlib

from benchmark.results.record_schema import RecordError

# Where `benchmark.certificate` writes and reports look.
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "reports" / "certificates"


def decided(design_fingerprint: str, knowledge: str | None) -> tuple[str, ...] | None:
  """For every task '1' where the declared bit is certified to be the better one; None without a certificate.

  Args:
    design_fingerprint: of the stream.
    knowledge: 'hps', 'tf' or 'dfcnn': what is best for one is not certified for another.

  Raises:
    RecordError: a certificate is damaged.
  """
  return _all_in(FOLDER).get((design_fingerprint, knowledge or ""))


@functools.cache
def _all_in(folder: pathlib.Path) -> dict[tuple[str, str], tuple[str, ...]]:
  found = {}
  for path in sorted(folder.glob("*.json")):
    try:
      content = json.loads(path.read_text(encoding="utf-8"))
      key = content["design_fingerprint"], content["knowledge"]
      bits, problems = content["decided"], content["problems"]
    except (ValueError, KeyError, TypeError) as error:
      raise RecordError(f"{path} is no certificate ({type(error).__name__}: {error}). Write it again with "
                        "benchmark.certificate.") from error
    if not problems:
      found[key] = tuple(bits)
  return found

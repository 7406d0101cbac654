"""Certificates on disk: which bits of a stream's declared configurations count as decisions. No TensorFlow here."""

import functools
import json
import pathlib

from benchmark.results import json_types, run_files
from benchmark.results.record_schema import RecordError
from lasem_tf.metrics.run_result import Bits

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
    text = run_files.read_text(path)
    try:
      content = json.loads(text)
      key = str(content["design_fingerprint"]), str(content["knowledge"])
      bits, problems = content["decided"], content["problems"]
      if not json_types.accepts(list[Bits])(bits) or len(set(map(len, bits))) != 1:
        raise ValueError("'decided' is not a configuration for every task")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
      raise RecordError(f"{path} is no certificate ({type(error).__name__}: {error}). Write it again with "
                        "benchmark.certificate.") from error
    if not problems:
      found[key] = tuple(bits)
  return found

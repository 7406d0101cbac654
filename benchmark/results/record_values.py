"""What records hold besides the result (whose types are in `lasem_tf.metrics.run_result`), checked before it is used.

A digest proves that nobody edited a result after it was signed, not that the program wrote it; provenance has none.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from benchmark.results import json_types
from lasem_tf import types
from lasem_tf.metrics.run_result import Amount, Bits, Count, Limits, Pattern, Text

MAX_DEPTH = 40
_Threads = Annotated[int, Limits(1, 10**6)]
_Time = Annotated[str, Pattern(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")]
# Entries may be left out: what they say is then not known. Further entries are shown as they are.
_PROVENANCE: Mapping[str, Any] = {
    "cpu_seconds": Amount, "seconds": list[dict[str, Amount]], "command": Text, "commit": Text | None,
    "device": Text | None, "files": dict[str, Text], "design_seed": int, "threads": _Threads, "deterministic": bool,
    "flags": dict[str, Any], "latency_seconds": list[Amount], "finished": _Time, "memory_floats": Amount,
}
_FLAGS: Mapping[str, Any] = {"data_dirs": list[Text], "cache_dir": Text | None, "threads": _Threads,
                             "deterministic": bool}
_NUMBER = Annotated[float, Limits(-1e18, 1e18)]
# Columns of a run's course, see `run_details`.
_COURSE: Mapping[str, Any] = {
    "visit": list[Count], "task": list[Count], "global_epoch": list[Count], "loss": list[_NUMBER | None],
    "validation_accuracy": list[_NUMBER | None], "test_accuracy": list[_NUMBER | None],
    "prior": list[list[_NUMBER] | None],
}


def provenance_problem(provenance: Mapping[str, Any]) -> str | None:
  """The first entry that is not what readers expect, as a sentence; None if there is none."""
  return _problem(_PROVENANCE, provenance, "provenance") or _problem(_FLAGS, provenance.get("flags", {}),
                                                                     "provenance.flags")


def result_problem(result: Mapping[str, Any]) -> str | None:
  """What types cannot say of a result whose types are right, as a sentence; None if all is well."""
  tuning, num_tasks = result.get("tuning"), len(result["stream"]["num_classes"])
  if any(task >= num_tasks for task in result["stream"]["task_order"]):
    return f"result.stream.task_order names other tasks than 0 to {num_tasks - 1}"
  if len({len(bits) for bits in result["configurations"] if bits is not None}) > 1:
    return "result.configurations are of different lengths"
  # A stream that was cut to its first tasks declares more.
  if (declared := (result["stream"]["protocol"] or {}).get(types.BEST_CONFIGURATION)) is not None and not (
      json_types.accepts(list[Bits])(declared) and len(declared) >= num_tasks and len(set(map(len, declared))) == 1):
    return f"result.stream.protocol.{types.BEST_CONFIGURATION} is not a configuration for every task"
  if tuning is not None and not (tuning["variants"] and tuning["seeds"]):
    return "result.tuning names no variant or no seed"
  if tuning is not None and tuning.get("sampler") and None in map(tuning.get, ("sampler_seed", "round_size", "space")):
    return "result.tuning names a sampler without its seed, round and space"
  return None


def course_problem(columns: Mapping[str, Any]) -> str | None:
  """The same for columns of a run's course; those that are given must be equally long."""
  problem = _problem(_COURSE, columns, "epochs")
  if problem is None and len(set(map(len, columns.values()))) > 1:
    return "epochs has columns of different lengths"
  return "epochs.prior has an empty entry" if problem is None and [] in columns.get("prior", ()) else problem


def is_too_deep(record: Mapping) -> bool:
  """Whether a parsed JSON object nests blocks deeper than `MAX_DEPTH`, so that it could not be written again."""
  level: list[Any] = [record]
  for _ in range(MAX_DEPTH):
    level = [entry for block in level for entry in (block.values() if isinstance(block, Mapping) else block)
             if isinstance(entry, (dict, list))]
    if not level:
      return False
  return True


def has_half_surrogate(json_text: str) -> bool:
  """Whether JSON text in ASCII holds half of a surrogate pair, which can only be an escape; no file can hold it."""
  return "\\ud" in json_text and not _is_unicode(json_text)


def _problem(annotations: Mapping[str, Any], block: Mapping[str, Any], name: str) -> str | None:
  found = (json_types.problem(annotation, block[field], f"{name}.{field}")
           for field, annotation in annotations.items() if field in block)
  return next(filter(None, found), None)


def _is_unicode(json_text: str) -> bool:
  try:
    json.dumps(json.loads(json_text), ensure_ascii=False).encode()
    return True
  except UnicodeEncodeError:
    return False

"""Types and ranges of what tables, figures and exports take from a record, so that they need not doubt it.

A digest proves that nobody edited a result after it was signed, not that the program wrote it.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

MAX_DEPTH = 40
_MAX_TEXT = 10_000
_LARGEST = 1e18  # Sums and squares of such numbers are finite, and 64 bits hold such integers.
_MISSING = object()


class Rule(NamedTuple):
  """What an entry should be.

  Attributes:
    name: path of the entry, with dots.
    holds: whether a value is right.
    wanted: the same in words.
  """

  name: str
  holds: Callable[[Any], bool]
  wanted: str


def is_number(value: Any) -> bool:
  """A finite number of a size that can be computed with; no truth value."""
  return type(value) in (int, float) and -_LARGEST <= value <= _LARGEST


def is_count(value: Any) -> bool:
  """A whole number, not negative; no truth value."""
  return type(value) is int and 0 <= value <= _LARGEST


def is_text(value: Any) -> bool:
  """A text of reasonable length."""
  return isinstance(value, str) and len(value) <= _MAX_TEXT


def _is_amount(value: Any) -> bool:
  return is_number(value) and value >= 0


def _is_bits(value: Any) -> bool:
  return is_text(value) and re.fullmatch("[01]+", value) is not None


def _or_none(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
  return lambda value: value is None or holds(value)


def _list_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
  return lambda value: isinstance(value, list) and all(map(holds, value))


def _block_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
  return lambda value: isinstance(value, Mapping) and all(map(holds, value.values()))


_RESULT = (
    Rule("configuration_hash", is_text, "a text"),
    Rule("reason", _or_none(is_text), f"null or a text of at most {_MAX_TEXT} characters"),
    Rule("stream.display_name", lambda value: is_text(value) and 0 < len(value) <= 200, "a text of 1-200 characters"),
    Rule("stream.design_fingerprint", is_text, "a text"),
    Rule("stream.data_fingerprint", is_text, "a text"),
    Rule("stream.task_order", _list_of(is_count), "a list of tasks, counted from 0"),
    Rule("stream.num_classes", _list_of(is_count), "a list of counts"),
    Rule("stream.counts", _block_of(_list_of(is_count)), "lists of counts by split"),
    Rule("configurations", _list_of(_or_none(_is_bits)), "a list of nulls and bits such as '0011'"),
    Rule("parameters.super_network", _or_none(is_count), "null or a count"),
)
_COMPLETED = (
    Rule("accuracy.after_visit", _list_of(_list_of(_or_none(is_number))), "rows of fractions and nulls"),
    Rule("accuracy.at_best_validation", _list_of(is_number), "a list of fractions"),
    Rule("parameters.after_visit", _list_of(is_count), "a list of counts"),
    Rule("forward_macs_committed", _list_of(_is_amount), "a list of numbers, none negative"),
    Rule("training_macs_per_image", _list_of(_is_amount), "a list of numbers, none negative"),
)
# Where these are left out, what they say is not known.
_PROVENANCE = (
    Rule("cpu_seconds", _is_amount, "a number of seconds"),
    Rule("seconds", _list_of(_block_of(_is_amount)), "seconds by purpose, a block for every visit"),
    Rule("command", _or_none(is_text), "a text"),
    Rule("commit", _or_none(is_text), "null or a text"),
    Rule("device", _or_none(is_text), "null or a text"),
    Rule("files", _block_of(is_text), "digests by file"),
    Rule("design_seed", lambda value: type(value) is int, "a whole number"),
    Rule("threads", lambda value: is_count(value) and value > 0, "a positive number"),
    Rule("deterministic", lambda value: isinstance(value, bool), "true or false"),
    Rule("flags", lambda value: isinstance(value, Mapping), "a block of flags"),
    Rule("flags.data_dirs", _list_of(is_text), "a list of folders"),
    Rule("flags.cache_dir", _or_none(is_text), "null or a folder"),
    Rule("flags.threads", lambda value: is_count(value) and value > 0, "a positive number"),
    Rule("flags.deterministic", lambda value: isinstance(value, bool), "true or false"),
)


def problem(result: Mapping, provenance: Mapping) -> str | None:
  """The first entry that is not what it should be, in words; None if there is none.

  Args:
    result: of a record, with the blocks that `record_schema` demands.
    provenance: of the record.
  """
  rules = (*_RESULT, *(_COMPLETED if result["status"] == "completed" else ()))
  broken = itertools.chain(_broken(result, rules, "result", may_lack=False),
                           _broken(provenance, _PROVENANCE, "provenance", may_lack=True))
  return next(broken, None)


def unwritable(record: Mapping) -> str | None:
  """What keeps a parsed JSON object from being written again, in words: depth, or half of a surrogate pair."""
  level: list[Any] = [record]
  for _ in range(MAX_DEPTH):
    level = [entry for block in level for entry in (block.values() if isinstance(block, Mapping) else block)
             if isinstance(entry, (dict, list))]
    if not level:
      text = json.dumps(record)  # In ASCII; a surrogate can only be an escape, which is quick to see.
      return "holds half a surrogate pair" if "\\ud" in text and not _is_unicode(text) else None
  return f"nests blocks deeper than {MAX_DEPTH}"


def _broken(block: Mapping, rules: tuple[Rule, ...], prefix: str, may_lack: bool) -> Iterator[str]:
  """Sentences on the entries that break a rule."""
  for rule in rules:
    value: Any = block
    for part in rule.name.split("."):
      value = value.get(part, _MISSING) if isinstance(value, Mapping) else _MISSING
    if value is _MISSING:
      if not may_lack:
        yield f"{prefix}.{rule.name} is missing"
    elif not rule.holds(value):
      yield f"{prefix}.{rule.name} is not {rule.wanted}"


def _is_unicode(json_text: str) -> bool:
  try:
    json.dumps(json.loads(json_text), ensure_ascii=False).encode()
    return True
  except UnicodeEncodeError:
    return False

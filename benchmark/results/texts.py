"""Texts from records, made safe for what shows them: terminals, pages, drawings and spreadsheets."""

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Commands that show no table print texts, too.
  import pandas as pd

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Of Unicode: control, surrogate, unassigned; and what turns the direction of writing.
_UNPRINTABLE = ("Cc", "Cs", "Cn")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_PLAIN = re.compile(r"[ -~]*")
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def printable(text: str) -> str:
  """One line without control characters: white space becomes blanks, the others a replacement character."""
  if _PLAIN.fullmatch(text):
    return text
  text = _DIRECTIONS.sub(_REPLACEMENT, re.sub(r"[\t\r\n\v\f\u2028\u2029\x85]+", " ", text))
  return "".join(_REPLACEMENT if unicodedata.category(character) in _UNPRINTABLE else character for character in text)


def csv_table(frame: "pd.DataFrame", float_format: str | None = None) -> str:
  """A data frame as CSV; texts take one line, and an apostrophe goes before what is a formula to a spreadsheet."""
  texts = {name: frame[name].map(_no_formula) for name in frame.select_dtypes(exclude=["number", "bool"]).columns}
  return frame.assign(**texts).to_csv(index=False, float_format=float_format, lineterminator="\n")


def _no_formula(value: object) -> object:
  if not isinstance(value, str):
    return value
  text = printable(value)  # A carriage return, which `to_csv` does not quote, would end the row.
  return f"'{text}" if _FORMULA.match(text) else text

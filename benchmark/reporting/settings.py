"""What a report was made with, kept beside it in `report.json`, so that it can be checked and cleaned up."""

import dataclasses
import json
import pathlib
import re

from benchmark.results import inference, run_files
from benchmark.results.record_schema import RecordError
from lasem_tf.files import write_atomically

SETTINGS_FILE = "report.json"
PAGE_FILE = "index.html"
_OWN_FILE = re.compile(r"table(_per_task)?\.(md|csv|tex)|(tuning|selection|atlas|atlas_layers)\.csv"
                       r"|(selection|atlas)\.md|index\.html|figures/[A-Za-z0-9._-]+\.(png|svg)")


@dataclasses.dataclass(frozen=True)
class Settings:
  """What decides a report besides the records.

  Attributes:
    title: heading of the page.
    baseline: learner that the others are tested against; None for none.
    allow_mixed_data: whether methods measured on other data are marked instead of refused.
    paper_dir: folder of published numbers, as seen from the report; None for the shipped ones.
    files: what was written, as seen from the report.
    margin: of equivalence, in percentage points.
    columns: names of the measures that tables show; none for the usual ones.
    mixed_model: whether a mixed model of final accuracy is fitted.
    allow_mixed_tuning: whether methods of several tuning protocols or budgets are named instead of refused.
    variants: whether records of one method with different settings are variants instead of refused.
    links: further pages that the page names, 'text=address' each, as seen from the report.
  """

  title: str
  baseline: str | None = None
  allow_mixed_data: bool = False
  paper_dir: str | None = None
  files: tuple[str, ...] = ()
  margin: float = 100 * inference.MARGIN
  columns: tuple[str, ...] = ()
  mixed_model: bool = False
  allow_mixed_tuning: bool = False
  variants: bool = False
  links: tuple[str, ...] = ()


def is_own(name: str) -> bool:
  """Whether a report writes files of this name: only such may be replaced or removed."""
  return _OWN_FILE.fullmatch(name) is not None


def read(folder: pathlib.Path) -> Settings | None:
  """The settings of the report in a folder; None where there is none.

  Raises:
    RecordError: the file is not what `write` writes.
  """
  path = folder / SETTINGS_FILE
  if not path.exists():
    return None
  try:
    found = json.loads(run_files.read_text(path))
    settings = Settings(**{**found, "files": tuple(found["files"]), "columns": tuple(found.get("columns", ())),
                           "links": tuple(found.get("links", ()))})
    switches = (settings.allow_mixed_data, settings.mixed_model, settings.allow_mixed_tuning, settings.variants)
    is_right = (isinstance(settings.title, str) and all(isinstance(value, bool) for value in switches)
                and all(value is None or isinstance(value, str) for value in (settings.baseline, settings.paper_dir))
                and _is_margin(settings.margin)
                and all(isinstance(name, str) for name in (*settings.files, *settings.columns))
                and all(isinstance(each, str) and link(each) for each in settings.links))
  except (ValueError, TypeError, KeyError, RecursionError) as error:
    if isinstance(error, RecordError):
      raise
    is_right = False
  if not is_right:
    raise RecordError(f"{path}: not the settings of a report. Delete it, then write the report again.")
  return settings


def link(text: str) -> tuple[str, str] | None:
  """Words and address of 'text=address'; None unless the address is a way from the report or begins with 'https://'."""
  words, _, address = text.partition("=")
  is_way = re.fullmatch(r"[\w./#-]+", address) is not None and not address.startswith("/")
  return (words, address) if words and (is_way or re.fullmatch(r"https://\S+", address)) else None


def _is_margin(value: object) -> bool:
  return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 100


def write(settings: Settings, folder: pathlib.Path) -> None:
  """Writes the settings of a report beside it."""
  write_atomically(folder / SETTINGS_FILE, json.dumps(dataclasses.asdict(settings), indent=1) + "\n")

"""Where gin files lie, and what they say as text: the working folder first, then the shipped files."""

import difflib
import pathlib
import re
import sys
from collections.abc import Collection, Sequence

_MOST_BYTES = 1 << 20
_announced: set[str] = set()


class ConfigurationError(ValueError):
  """A gin file, a binding or a flag is wrong; the message names it and the remedy."""


def without_call(error: BaseException) -> str:
  """The message on one line, without the call or the statement that gin appends to it."""
  return " ".join(re.split("\n  In (?:call to configurable|bindings string)", str(error))[0].split())


def gin_root() -> pathlib.Path:
  """The folder of the shipped gin files: in the package where it is installed, beside it in a checkout."""
  package = pathlib.Path(__file__).resolve().parents[1]
  for root in (package / "gin_files", package.parent / "gin"):
    if (root / "base.gin").is_file():
      return root
  raise ConfigurationError(f"The shipped gin files are missing beside {package}; install the package again.")


def find(name: str, being_read: Collection[pathlib.Path] = (),
         beside: pathlib.Path | None = None) -> pathlib.Path | None:
  """The gin file of that name, absolute; None if there is none.

  A file of the working folder comes first, so that it can replace a shipped one, which is printed. A file that is being
  read is passed over, so that an own file may include the shipped one of its name.

  Args:
    name: a path, or a path relative to the gin root (a leading 'gin/' may stand for it).
    being_read: files whose includes are being followed.
    beside: folder that is tried last.

  Raises:
    ConfigurationError: all such files are being read: a file includes itself.
  """
  root = gin_root()
  shipped = [] if pathlib.Path(name).is_absolute() else [root / name, root / name.removeprefix("gin/")]
  candidates = [pathlib.Path(name), *shipped, *([beside / name] if beside else [])]
  try:
    present = [path.resolve() for path in candidates if path.is_file()]
  except (OSError, ValueError) as error:
    raise ConfigurationError(f"{name!r} is no usable file name ({error}).") from error
  free = [path for path in present if path not in being_read]
  if present and not free:
    raise ConfigurationError(f"{name} includes itself, directly or through what it includes: remove one include.")
  if free and any(path.is_file() for path in shipped) and not free[0].is_relative_to(root) and name not in _announced:
    _announced.add(name)
    print(f"{name} of the working folder replaces the shipped file.", file=sys.stderr)
  return free[0] if free else None


def resolve(name: str) -> pathlib.Path:
  """As `find`.

  Raises:
    ConfigurationError: there is no such file; the nearest names are suggested.
  """
  path = find(name)
  if path is None:
    raise ConfigurationError(f"No gin file {name!r}, neither there nor below the shipped gin files."
                             f"{nearest(pathlib.Path(name).stem, names_in(str(pathlib.Path(name).parent)))}")
  return path


def names_in(folder: str) -> list[str]:
  """Names without ending of the gin files in a folder of the working folder and of the shipped files, sorted."""
  folders = (pathlib.Path(folder), gin_root() / folder.removeprefix("gin/").removeprefix("gin"))
  return sorted({path.stem for each in folders if each.is_dir() for path in each.glob("*.gin")})


def read(path: pathlib.Path) -> str:
  """The text of a gin file.

  Raises:
    ConfigurationError: it cannot be read, or is no text.
  """
  try:
    if path.stat().st_size > _MOST_BYTES:
      raise ConfigurationError(f"{path} has more than {_MOST_BYTES} bytes and is no gin file; name another.")
    return path.read_text(encoding="utf-8-sig")
  except UnicodeDecodeError as error:
    raise ConfigurationError(f"{path} is not encoded in UTF-8; save it so.") from error
  except OSError as error:
    raise ConfigurationError(f"{path} cannot be read ({error.strerror}); correct its permissions.") from error


def nearest(name: str, known: Sequence[str]) -> str:
  """A sentence with the known names most like `name`, or with all of them if none is alike and they are few."""
  close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
  if close:
    return f" Did you mean {' or '.join(close)}?"
  return f" Known: {', '.join(known)}." if 0 < len(known) <= 60 else ""

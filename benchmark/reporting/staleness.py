"""Whether a stored report is the one that its records give: texts byte for byte, figures by the data they draw."""

import pathlib
import re
from collections.abc import Mapping

from benchmark.reporting import settings


def differences(files: Mapping[str, str | bytes], output_dir: pathlib.Path, stored: settings.Settings) -> list[str]:
  """What a stored report would have to change to be like one made anew, one text per file.

  Args:
    files: contents of the new one by name.
    output_dir: folder of the stored one.
    stored: its settings.
  """
  known = [name for name in stored.files if settings.is_own(name)]
  changes = [f"{name}: no longer produced" for name in known if name not in files]
  if len(known) < len(stored.files):
    changes.append(f"{settings.SETTINGS_FILE}: lists files that no report writes")
  for name, content in sorted(files.items()):
    if not (output_dir / name).is_file():  # A pipe would be waited for.
      changes.append(f"{name}: missing")
    elif _comparable(name, (output_dir / name).read_bytes()) != _comparable(name, content):
      changes.append(f"{name}: differs")
  return changes


def _comparable(name: str, content: str | bytes) -> bytes | None:
  """The content, with drawings reduced to the digest of their data: fonts and versions of Matplotlib may differ."""
  written = content.encode() if isinstance(content, str) else content
  digests = {".png": rb"Description\x00([0-9a-f]{64})", ".svg": rb"<dc:description>([0-9a-f]{64})</dc:description>"}
  pattern = digests.get(pathlib.PurePath(name).suffix)
  if pattern is not None:
    found = re.search(pattern, written)
    return found and found[1]
  if name.endswith(".html"):
    return re.sub(rb'<svg .*?data-digest="([0-9a-f]{64})".*?</svg>', rb"\1", written, flags=re.DOTALL)
  return written

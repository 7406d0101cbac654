"""Checkpoints that survive a kill, a torn file and a full disk.

A checkpoint is a manifest (JSON with a checksum) that names the run's state and, for every group of arrays, a file
called after the hash of its content. A group that has not changed since the last checkpoint (a finished, frozen task)
is thus written once. Files appear by rename after a sync, blobs before the manifest that names them, and the
checkpoint before the newest is kept. Nothing is pickled.
"""

import dataclasses
import errno
import hashlib
import json
import os
import pathlib
import re
import warnings
from collections.abc import Mapping

import numpy as np

from lasem_tf import files

_FORMAT = 2
_MANIFEST = re.compile(r"checkpoint-(\d{8})\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class CheckpointError(RuntimeError):
  """A checkpoint cannot be written or read; the message names the file and the remedy."""


class CheckpointWarning(UserWarning):
  """The newest checkpoint was damaged and the one before it was used."""


class _Damaged(Exception):
  """A file is not what was written."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
  """What was saved.

  Attributes:
    state: JSON-able.
    arrays: by name.
  """

  state: dict
  arrays: dict[str, np.ndarray]


class CheckpointStore:
  """The checkpoints of one run, in one folder.

  Attributes:
    directory: the folder.
  """

  def __init__(self, directory: str | os.PathLike, num_kept: int = 2):
    """Uses, and at the first save creates, a folder that holds nothing else, with so many checkpoints."""
    self.directory = pathlib.Path(directory)
    self._num_kept = num_kept
    self._verified: set[str] = set()

  def save(self, state: dict, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a checkpoint and removes those that are no longer needed.

    Args:
      state: JSON-able.
      arrays: by name; names that agree up to the first '/' are stored, and found unchanged, together.

    Raises:
      CheckpointError: the disk is full or not writable; the previous checkpoint is intact.
      PlantedError: the folder is a symbolic link.
    """
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
      groups.setdefault(name.split("/", 1)[0], {})[name] = np.asarray(array)
    digests = {group: _digest(members) for group, members in groups.items()}
    body = {"format": _FORMAT, "state": state, "groups": digests}
    numbers = self._numbers()
    try:
      self.directory.mkdir(parents=True, exist_ok=True)
      for group, digest in digests.items():
        if digest not in self._verified:
          with files.atomic(self.directory / f"{digest}.npz") as file:
            np.savez(file, **groups[group])  # type: ignore[arg-type]  # NumPy's stub takes any name for a parameter.
          self._verified.add(digest)
      manifest = json.dumps({**body, "checksum": _checksum(body)})
      files.write_atomically(self._path(max(numbers, default=0) + 1), manifest)
    except OSError as error:
      is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
      reason = "The disk is full" if is_full else f"Writing failed ({error.strerror})"
      raise CheckpointError(f"{self.directory}: {reason}; this checkpoint is lost, the one before it is intact. Make "
                            "room, then start the same command again to go on from there.") from error
    self._collect_garbage()

  def load(self) -> Checkpoint | None:
    """The newest checkpoint, or None; if it is damaged, the one before it, with a `CheckpointWarning`.

    Raises:
      CheckpointError: there are checkpoints, all damaged.
      PlantedError: the folder is a symbolic link.
    """
    damages = []
    for number in sorted(self._numbers(), reverse=True):
      path = self._path(number)
      try:
        checkpoint, digests = _read(path)
      except _Damaged as damage:
        damages.append(str(damage))
        continue
      for message in damages:
        warnings.warn(f"{message} Going on from the checkpoint before it, {path}.", CheckpointWarning, stacklevel=2)
      for newer in self._numbers():
        if newer > number:
          self._path(newer).unlink()
      self._verified = set(digests)
      self._collect_garbage()
      return checkpoint
    if damages:
      raise CheckpointError(f"{' '.join(damages)} No checkpoint is left to go on from: delete {self.directory} to "
                            "train the run again from the beginning.")
    return None

  def _numbers(self) -> list[int]:
    files.refuse_planted(self.directory)  # Old files are deleted there.
    return _numbers(self.directory)

  def _path(self, number: int) -> pathlib.Path:
    return self.directory / _manifest_name(number)

  def _collect_garbage(self) -> None:
    """Removes old manifests, what they alone named, and what a killed process left half-written."""
    numbers = sorted(self._numbers())
    for number in numbers[:-self._num_kept]:
      self._path(number).unlink()
    needed = set()
    for number in numbers[-self._num_kept:]:
      try:
        needed |= set(_read_manifest(self._path(number))["groups"].values())
      except _Damaged:
        continue  # An older manifest that cannot be read protects nothing.
    for path in self.directory.iterdir():  # Where a user's own folder was named, other arrays may lie there.
      if path.suffix == ".npz" and _DIGEST.fullmatch(path.stem) and path.stem not in needed:
        path.unlink()
    files.remove_unfinished(self.directory)
    self._verified &= needed


def read_newest(directory: str | os.PathLike) -> Checkpoint | None:
  """The newest checkpoint of a folder, of which nothing is changed; None if there is none.

  Raises:
    CheckpointError: it is damaged; the message names the file and no remedy.
  """
  directory = pathlib.Path(directory)
  try:
    newest = max(_numbers(directory), default=None)
    return None if newest is None else _read(directory / _manifest_name(newest))[0]
  except _Damaged as damage:
    raise CheckpointError(str(damage)) from damage


def _numbers(directory: pathlib.Path) -> list[int]:
  names = os.listdir(directory) if directory.is_dir() else []
  return [int(match[1]) for match in map(_MANIFEST.fullmatch, names) if match]


def _manifest_name(number: int) -> str:
  return f"checkpoint-{number:08d}.json"


def _read(path: pathlib.Path) -> tuple[Checkpoint, list[str]]:
  """The checkpoint of a manifest, and the digests of its files."""
  manifest = _read_manifest(path)
  arrays, digests = {}, list(manifest["groups"].values())
  for group, digest in manifest["groups"].items():
    members = _read_group(path.parent / f"{digest}.npz")
    if _digest(members) != digest:
      raise _Damaged(f"{path.parent / digest}.npz ({group}) is damaged.")
    arrays.update(members)
  return Checkpoint(manifest["state"], arrays), digests


def _read_manifest(path: pathlib.Path) -> dict:
  try:
    with files.open_regular(path) as file:
      manifest = json.loads(file.read())
    checksum = manifest.pop("checksum")
    is_sound = checksum == _checksum(manifest)
  except files.PlantedError as error:
    raise _Damaged(str(error)) from error
  except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
    raise _Damaged(f"{path} is damaged.") from error
  if not is_sound:
    raise _Damaged(f"{path} does not fit its checksum.")
  if manifest.get("format") != _FORMAT:
    raise CheckpointError(f"{path} has checkpoint format {manifest.get('format')!r:.50}, this version reads {_FORMAT}. "
                          "Finish the run with the version that began it, or delete the folder.")
  groups = manifest.get("groups")
  if not isinstance(manifest.get("state"), dict) or not isinstance(groups, dict) or not all(
      isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in groups.values()):
    raise _Damaged(f"{path} names other files than checkpoints have.")
  return manifest


def _read_group(path: pathlib.Path) -> dict[str, np.ndarray]:
  try:
    with files.open_regular(path) as file:
      files.refuse_compressed(file)
      with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
  except files.PlantedError as error:
    raise _Damaged(str(error)) from error
  except Exception as error:  # Damaged bytes make np.load, zipfile and the header's parser fail in a dozen ways.
    raise _Damaged(f"{path} is damaged or missing.") from error


def _digest(members: Mapping[str, np.ndarray]) -> str:
  """SHA-256 over names, types, shapes and values of a group, 64 hexadecimal digits."""
  digest = hashlib.sha256()
  for name, array in sorted(members.items()):
    if array.dtype.hasobject:
      raise TypeError(f"{name} holds Python objects, which are never written.")
    digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
    digest.update(np.ascontiguousarray(array).tobytes())
  return digest.hexdigest()


def _checksum(body: dict) -> str:
  return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

"""Programs whose output is closed, unread, or of an encoding that lacks characters."""

import os
import pathlib
import subprocess
import sys

import pytest

from benchmark.execution import standard_streams

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_PROGRAM = r"""
import os, sys
from benchmark.execution import standard_streams
standard_streams.secure()
standard_streams.secure()
for stream in (sys.stdout, sys.stderr):
  for _ in range(3):
    print("accuracy 93 % \u00b1 2, \u03bb\udc80", file=stream, flush=True)
opened = os.open(os.devnull, os.O_RDONLY)
assert opened > 2, opened
os.write(1, b"raw"), os.write(2, b"raw")
sys.exit(7)
"""


def _run(redirection: str, **environment: str) -> subprocess.CompletedProcess:
  command = f'exec "{sys.executable}" -c "$PROGRAM" {redirection}'
  return subprocess.run(["sh", "-c", command], cwd=_ROOT, capture_output=True, check=False,
                        env={**os.environ, "PROGRAM": _PROGRAM, **environment})


@pytest.mark.parametrize("redirection", [
    ">&-", "2>&-", "<&-", "<&- >&- 2>&-", "> /dev/full 2> /dev/full", "> /dev/full"])
def test_the_status_is_the_programs_own(redirection):
  finished = _run(redirection)
  assert finished.returncode == 7, finished.stderr


@pytest.mark.parametrize("arguments, redirection, status", [
    *(("list suites", redirection, status)
      for redirection, status in (("> /dev/full", 2), (">&-", 0), ("| true", 0), ("> /dev/null", 0))),
    ("run --help", "> /dev/full", 2), ("run --gin_file=gin/suites/smoke.gin --dry_run", "> /dev/full", 2),
    ("data check --stream=synthetic", "> /dev/full", 2)])
def test_answers_that_are_lost_end_the_commands_that_only_print(arguments, redirection, status):
  command = f'"{sys.executable}" -m benchmark.{arguments} {redirection}'
  finished = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=_ROOT, capture_output=True, check=False,
                            text=True)
  assert finished.returncode == status
  assert finished.stderr == ("Error: standard output: No space left on device; make room, then start the same command "
                             "again.\n" if status else "")


def test_a_reader_that_ends_early():
  read, write = os.pipe()
  os.close(read)
  process = subprocess.Popen([sys.executable, "-c", _PROGRAM], cwd=_ROOT, stdout=write, stderr=write)
  os.close(write)
  assert process.wait() == 7


def test_characters_that_the_encoding_lacks_are_replaced():
  finished = _run("", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
  assert finished.returncode == 7
  assert finished.stdout.count(b"accuracy 93 % ? 2, ??\n") == 3
  assert finished.stderr.count(rb"accuracy 93 % \xb1 2, \u03bb\udc80") == 3


def test_streams_of_others_are_left_alone(capsys):
  before = sys.stdout
  standard_streams.secure()
  print("seen")
  assert sys.stdout is before and capsys.readouterr().out == "seen\n"

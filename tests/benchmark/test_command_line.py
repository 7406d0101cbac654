"""Errors of the system and interrupts end a command with one line and a status."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from benchmark import certificate, check_learner, command_line, data, export, replay, report, reproducibility, run

_ROOT = pathlib.Path(__file__).resolve().parents[2]


def _raising(error):
  def function():
    raise error
  return function


def _line(capsys, function, errors=()) -> tuple[int, str]:
  with pytest.raises(SystemExit) as stop:
    command_line.run_or_fail(function, errors, "Stopped.")
  error = capsys.readouterr().err
  assert error.count("\n") == 1
  return stop.value.code, error


def test_the_status_of_the_function_is_handed_on():
  assert command_line.run_or_fail(lambda: 1, ()) == 1
  with pytest.raises(ValueError, match="a bug"):
    command_line.run_or_fail(_raising(ValueError("a bug")), (KeyError,))


@pytest.mark.parametrize("number, remedy", [
    (errno.EACCES, "get permission"), (errno.ENAMETOOLONG, "use a shorter name"), (errno.ENOSPC, "make room"),
    (errno.EROFS, "can be written"), (errno.ENOTDIR, "check the name"), (errno.EIO, "error")])
def test_errors_of_the_system_are_lines_with_the_file_and_a_remedy(capsys, number, remedy):
  error = OSError(number, os.strerror(number), "some/file\x1b[31m")
  status, line = _line(capsys, _raising(error))
  assert status == 2 and line.startswith("Error: some/file") and remedy in line and "\x1b" not in line


def test_a_missing_temporary_folder_says_what_to_set(capsys):
  error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/']")
  status, line = _line(capsys, _raising(error))
  assert status == 2 and "set TMPDIR to a folder that can be written" in line


def test_a_line_has_no_control_characters_and_an_end(capsys):
  status, line = _line(capsys, _raising(KeyError("\x1b]0;title\x07\u202e a\nb " + "x" * 5000)), (KeyError,))
  assert status == 2 and "\x1b" not in line and "\x07" not in line and "\u202e" not in line and len(line) < 2100


def test_a_tilde_stands_for_the_home_folder_in_every_path(monkeypatch):
  """A shell leaves it alone behind '='."""
  monkeypatch.setenv("HOME", "/home/somebody")
  monkeypatch.setenv("LASEM_DATA_DIR", "")
  for module in (certificate, check_learner, data, export, replay, report, reproducibility, run):
    values = module.define_flags()
    paths = [name for name in values if name.endswith(("_dir", "_file")) or name in ("grow", "markdown")]
    assert paths
    command_line.parse(values, ["command", *(f"--{name}=~/x" for name in paths)], None)
    assert {name: values[name].value for name in paths} == {
        name: ["/home/somebody/x"] if isinstance(values[name].value, list) else "/home/somebody/x" for name in paths}
  values = data.define_flags()
  command_line.parse(values, ["command"], None)
  assert command_line.data_dirs(values) == ("Data",)


def test_an_interrupt_has_its_status_or_is_left_to_the_caller(capsys):
  assert _line(capsys, _raising(KeyboardInterrupt())) == (130, "Stopped.\n")
  with pytest.raises(KeyboardInterrupt):
    command_line.run_or_fail(_raising(KeyboardInterrupt()), ())


def test_help_shows_the_manual_and_the_flags_of_the_command_alone(capsys):
  values = command_line.new_flags()
  flags.DEFINE_string("stream", None, "Name of a stream.", flag_values=values)
  with pytest.raises(SystemExit) as stop:
    command_line.parse(values, ["command", "--help"], "What it does.\n")
  assert stop.value.code == 0
  assert capsys.readouterr().out == ("What it does.\n\nFlags:\n  -h,--[no]help: Show this text.\n"
                                     "    (default: 'false')\n  --stream: Name of a stream.\n")


def _run(program: str, **options) -> subprocess.CompletedProcess:
  return subprocess.run([sys.executable, "-c", f"from benchmark import command_line\n{program}"], cwd=_ROOT, text=True,
                        capture_output=True, timeout=60, check=False, **options)


@pytest.mark.parametrize("program, status, line", [
    ("raise KeyboardInterrupt", 130, "Stopped.\n"),
    ("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)", 130, "Stopped.\n"),
    ("open('no/such/file')", 2, "Error: no/such/file: No such file or directory; check the name.\n")])
def test_what_happens_outside_of_the_command_too(program, status, line):
  finished = _run(program)
  assert (finished.returncode, finished.stderr) == (status, line)


def test_other_errors_keep_their_traceback():
  finished = _run("1 / 0")
  assert finished.returncode == 1 and "ZeroDivisionError" in finished.stderr and "Traceback" in finished.stderr

"""Processes that begin as copies: what they have, what they do not share, what happens when their source is gone."""

import os
import pathlib
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver

import pytest

from benchmark.execution.local import start_method
from tests.support import import_graph

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems import everything in every process")


def _describe(sender) -> None:
  imported = "tensorflow" in sys.modules
  sender.send({
      "pid": os.getpid(), "parent": os.getppid(), "imported": imported,
      "started": imported and sys.modules["tensorflow.python.eager.context"].context()._initialized,
      "threads": len(os.listdir("/proc/self/task")), "variable": os.environ.get("LASEM_TEST"), "folder": os.getcwd(),
      "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]})


def _ask() -> dict:
  process, end = start_method.start_connected(_describe)
  answer = end.recv()
  process.join()
  assert process.exitcode == 0 and process.pid == answer["pid"]
  return answer


def test_a_copy_has_tensorflow_and_nothing_that_runs(monkeypatch):
  monkeypatch.setenv("LASEM_TEST", "now")
  answer = _ask()
  assert answer["imported"] and not answer["started"] and answer["threads"] == 1
  assert answer["parent"] != os.getpid()
  assert answer["variable"] == "now", "the server was started before this variable was set, or keeps another"
  assert pathlib.Path(answer["folder"]).samefile(os.getcwd())
  assert answer["signals"] == [signal.default_int_handler, signal.SIG_DFL]


def test_variables_that_were_removed_are_gone(monkeypatch):
  monkeypatch.delenv("LASEM_TEST", raising=False)
  assert _ask()["variable"] is None


def test_where_a_gpu_may_be_everything_is_imported_anew(tmp_path, monkeypatch):
  (tmp_path / "nvidia0").touch()
  monkeypatch.setattr(start_method, "_GPU_DRIVERS", (str(tmp_path / "nvidia*"),))
  answer = _ask()
  assert not answer["imported"] and answer["parent"] == os.getpid()


def test_where_no_socket_can_be_everything_is_imported_anew(tmp_path, monkeypatch):
  long = tmp_path.joinpath(*["a_long_name_of_a_temporary_folder"] * 4)
  long.mkdir(parents=True)
  program = ("from tests.benchmark.execution.local import test_start_method\n"
             "if __name__ == '__main__':\n"
             "  assert not test_start_method._ask()['imported']\n")
  (tmp_path / "program.py").write_text(program)
  monkeypatch.setenv("TMPDIR", str(long))
  monkeypatch.setenv("PYTHONPATH", str(import_graph.ROOT))
  subprocess.run([sys.executable, str(tmp_path / "program.py")], check=True, timeout=120)


def test_signals_for_everybody_leave_the_server_alive():
  server = _ask()["parent"]
  for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    os.kill(server, number)
  time.sleep(0.1)
  assert _ask()["parent"] == server


def test_a_killed_server_is_replaced():
  server = _ask()["parent"]
  os.kill(server, signal.SIGKILL)
  os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
  assert _ask()["parent"] != server


def test_a_server_that_ends_while_it_is_asked_is_an_error_of_the_system(monkeypatch):
  def end(*_):
    raise EOFError("unexpected EOF")

  monkeypatch.setattr(forkserver, "read_signed", end)
  with pytest.raises(OSError, match="the process that starts workers ended"):
    start_method.start(os.getpid)

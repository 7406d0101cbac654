"""Messages between processes that may end in the middle of one."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from benchmark.execution.local.channel import Channel

_LONG = {"text": "x" * 300_000}  # More than a socket buffers.


@pytest.fixture(name="pair")
def _pair():
  ours, theirs = socket.socketpair()
  channels = Channel(ours), Channel(theirs)
  yield channels
  for channel in channels:
    channel.close()


def test_messages_arrive_whole_and_in_order(pair):
  first, second = pair
  assert not second.is_ready() and second.receive_all() == []
  for number in range(3):
    first.send({"number": number, "loss": None})
  assert second.is_ready()
  assert second.receive() == {"number": 0, "loss": None}
  assert second.is_ready()  # The others have left the socket, but are still to be processed.
  assert [message["number"] for message in second.receive_all()] == [1, 2]
  assert not second.is_ready()


def test_an_incomplete_message_is_neither_waited_for_nor_processed(pair):
  first, second = pair
  first.send({"number": 0})
  line = json.dumps(_LONG).encode() + b"\n"
  assert first._socket.send(line[:40_000]) == 40_000
  assert second.receive_all() == [{"number": 0}]
  assert second.receive_all() == []
  first.close()
  with pytest.raises(EOFError):
    second.receive_all()


def test_what_was_sent_before_the_end_is_received(pair):
  first, second = pair
  first.send({"number": 0})
  first.close()
  assert second.is_ready()
  assert second.receive_all() == [{"number": 0}]
  assert second.is_ready()
  with pytest.raises(EOFError):
    second.receive()


def test_sending_to_a_closed_end_raises(pair):
  pair[1].close()
  with pytest.raises(OSError):
    pair[0].send({})


def test_a_process_killed_in_the_middle_of_a_long_message(pair):
  ours, theirs = socket.socketpair()
  program = ("import socket, sys; from benchmark.execution.local.channel import Channel; "
             "c = Channel(socket.socket(fileno=int(sys.argv[1]))); c.send({'n': 1}); c.send({'text': 'x' * 9_000_000})")
  process = subprocess.Popen([sys.executable, "-c", program, str(theirs.fileno())], pass_fds=[theirs.fileno()])
  theirs.close()
  channel = Channel(ours)
  assert channel.receive() == {"n": 1}
  os.kill(process.pid, signal.SIGKILL)
  process.wait()
  with pytest.raises(EOFError):
    channel.receive_all()
  channel.close()

"""Messages between two processes, of which either may be killed at any moment, in the middle of a message too.

Nothing is shared but a socket, so that a killed process leaves no lock behind. A message is one line of JSON; the rest
of an incomplete one is dropped.
"""

import json
import select
import socket


class Channel:
  """One end of a pair of connected sockets."""

  def __init__(self, end: socket.socket):
    """Takes the socket over.

    Args:
      end: of `socket.socketpair()`.
    """
    self._socket = end
    self._received = b""

  def fileno(self) -> int:
    """For `select` and its like."""
    return self._socket.fileno()

  def send(self, message: dict) -> None:
    """Sends a message; waits while the other side has yet to read many.

    Raises:
      OSError: the other side is gone.
    """
    self._socket.sendall(json.dumps(message).encode() + b"\n")

  def receive(self) -> dict:
    """Waits for the next message.

    Raises:
      EOFError: the other side is gone.
    """
    while b"\n" not in self._received:
      self._received += self._read()
    line, _, self._received = self._received.partition(b"\n")
    return json.loads(line)

  def receive_all(self) -> list[dict]:
    """The messages that have arrived completely; never waits for the rest of one.

    Raises:
      EOFError: there are none, and the other side is gone.
    """
    while self._has_input():
      try:
        self._received += self._read()
      except EOFError:
        if b"\n" not in self._received:
          raise
        break
    *lines, self._received = self._received.split(b"\n")
    return [json.loads(line) for line in lines]

  def is_ready(self) -> bool:
    """Whether something has arrived, or the other side is gone."""
    return bool(self._received) or self._has_input()

  def close(self) -> None:
    """Closes this end; the other side then reads the end of the stream."""
    self._socket.close()

  def _has_input(self) -> bool:
    poll = select.poll()  # Unlike `select.select`, takes descriptors above 1023.
    poll.register(self._socket, select.POLLIN)
    return bool(poll.poll(0))

  def _read(self) -> bytes:
    try:
      data = self._socket.recv(1 << 16)
    except ConnectionError as error:
      raise EOFError from error
    if not data:
      raise EOFError
    return data

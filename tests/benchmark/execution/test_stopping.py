"""Signals as requests to stop."""

import os
import signal

import pytest

from benchmark.execution import stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_and_the_second_ends(number):
  before = signal.getsignal(number)
  with stopping.StopRequest() as stop:
    assert stop.signal_number is None
    os.kill(os.getpid(), number)
    assert stop.signal_number == number
    with pytest.raises(KeyboardInterrupt):
      os.kill(os.getpid(), signal.SIGTERM)
  assert signal.getsignal(number) == before


def test_a_hangup_that_was_ignored_stays_ignored():
  """As under nohup."""
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  try:
    with stopping.StopRequest() as stop:
      os.kill(os.getpid(), signal.SIGHUP)
      assert stop.signal_number is None
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
  finally:
    signal.signal(signal.SIGHUP, before)

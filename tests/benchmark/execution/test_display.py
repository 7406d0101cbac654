"""The progress of a suite, on a terminal and elsewhere."""

import io
import time

import pytest
import rich.console

from benchmark.execution import display

_VARIANT = "synthetic/ewc[strength=10]/smoke/seed0"


def _epoch(done: int, loss: float | None = .5) -> dict:
  return {"event": "epoch", "task": 1, "phase": "training", "epoch": 0, "loss": loss, "validation_accuracy": .25,
          "global_epoch": done, "total_epochs": 10}


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch):
  """Seconds as the display sees them, in a list of one."""
  now = [0.0]
  monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
  return now


def test_lines_say_what_will_be_done_and_how_far_it_is(clock, capsys):
  with display.LineDisplay({"a": 1.0, "b": 3.0}, num_finished=1) as lines:
    lines.begin("a")
    lines.event("a", _epoch(0, None))
    clock[0] = 20.0
    lines.event("a", _epoch(5))
    lines.end("a", "completed", None)
    lines.begin("b")
    lines.end("b", "failed", "no room")
  assert capsys.readouterr().err.splitlines() == [
      "Finished before: 1 run.", "To train: 2 runs, named <stream>/<learner>/<scale>/seed<k>.", "a: begins",
      "a: task 1, training epoch 1, loss 0.500, validation accuracy 25.0 % [12 % of the suite, 2 min left]",
      "a: completed [25 % of the suite, 60 s left]", "b: begins", "b: failed (no room) [100 % of the suite, 0 s left]"]


def test_what_a_resumed_run_had_done_does_not_count_towards_the_pace(clock, capsys):
  lines = display.LineDisplay({"a": 1.0}, num_finished=0)
  lines.begin("a")
  lines.event("a", _epoch(5))
  clock[0] = 20.0
  lines.event("a", _epoch(6))
  assert "[60 % of the suite, 80 s left]" in capsys.readouterr().err


def test_before_anything_is_gained_the_time_left_is_unknown(clock, capsys):
  lines = display.LineDisplay({"a": 1.0}, num_finished=0)
  clock[0] = 20.0
  lines.event("a", _epoch(0, None))
  assert capsys.readouterr().err == (
      "a: task 1, untrained, validation accuracy 25.0 % [0 % of the suite, time left not yet known]\n")


def test_what_takes_long_is_said_and_what_does_not_is_not(capsys):
  with display.patience("Planning.", seconds=3600):
    pass
  assert not capsys.readouterr().err
  with display.patience("Planning.", seconds=0.0):
    while not (said := capsys.readouterr().err):
      time.sleep(0.001)
  assert said == "Planning.\n"


def test_bars_show_names_with_brackets_as_they_are(monkeypatch):
  written = io.StringIO()
  make = rich.console.Console
  monkeypatch.setattr(display.rich.console, "Console",
                      lambda **_: make(file=written, force_terminal=True, width=160, color_system=None))
  with display.TerminalDisplay({_VARIANT: 1.0}, num_finished=2) as bars:
    bars.begin(_VARIANT)
    bars.event(_VARIANT, _epoch(5))
    bars._bars.refresh()
    bars.end(_VARIANT, "diverged", "loss [nan]")
  assert _VARIANT in written.getvalue() and f"{_VARIANT}: diverged (loss [nan])" in written.getvalue()
  assert "finished before: 2 runs" in written.getvalue() and "\\" not in written.getvalue()

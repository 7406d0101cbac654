"""Events in a file, and what a resumed run takes back."""

import json

import pytest

from lasem_tf import files
from lasem_tf.training import checkpoints, events, json_lines
from tests.training import streams


def _event(number):
  return events.CurveMeasured(visit=0, task=0, global_epoch=number, accuracies={"test": [0.5, None]})


def test_json_lines_hold_one_event_each(tmp_path):
  path = tmp_path / "new" / "events.jsonl"
  sink = json_lines.JsonLinesSink(path)
  sink.restore(None)
  sink.emit(_event(1))
  assert json.loads(path.read_text()) == {"event": "curve", "visit": 0, "task": 0, "global_epoch": 1,
                                          "accuracies": {"test": [0.5, None]}}
  sink.close()


def test_json_lines_forget_what_the_checkpoint_does_not_know(tmp_path):
  path = tmp_path / "events.jsonl"
  sink = json_lines.JsonLinesSink(path)
  sink.emit(_event(1))
  position = sink.position()
  sink.emit(_event(2))
  sink.close()
  with open(path, "a", encoding="utf-8") as file:
    file.write('{"event": "torn')
  sink = json_lines.JsonLinesSink(path)
  sink.restore(position)
  sink.emit(_event(3))
  assert sink.position() == path.stat().st_size
  sink.close()
  assert [json.loads(line)["global_epoch"] for line in path.read_text().splitlines()] == [1, 3]
  sink = json_lines.JsonLinesSink(path)
  sink.restore(None)
  sink.close()
  assert path.read_text() == ""


def test_a_file_shorter_than_its_checkpoint_is_an_error(tmp_path):
  sink = json_lines.JsonLinesSink(tmp_path / "events.jsonl")
  with pytest.raises(checkpoints.CheckpointError, match="shorter than the run's checkpoint says .5 bytes."):
    sink.restore(5)
  sink.close()


def test_a_planted_link_is_not_followed(tmp_path):
  victim, link = tmp_path / "victim", tmp_path / "events.jsonl"
  victim.write_text("precious")
  link.symlink_to(victim)
  sink = json_lines.JsonLinesSink(link)
  for use in (lambda: sink.emit(_event(1)), sink.position, lambda: sink.restore(None)):
    with pytest.raises(files.PlantedError):
      use()
  with pytest.raises(files.PlantedError, match="events.jsonl is a symbolic link"):  # Not taken for a full disk.
    streams.life("stl", sinks=[json_lines.JsonLinesSink(link)]).run()
  assert victim.read_text() == "precious"

"""What a lifetime checks first, and what it reports in the end."""

import pytest

from lasem_tf.data import stream as stream_lib
from lasem_tf.training import events, lifetime
from tests.training import streams


@pytest.mark.parametrize("stream, training_options, error, message", [
    (streams.TinyStream(sizes=(3, 5, 8)), {}, stream_lib.DataError,
     "Task 0 of Tiny has 3 train examples, fewer than the 4 that are needed. Lower `batch_size`"),
    (streams.TinyStream(sizes=(8, 0, 8)), {}, stream_lib.DataError, "has 0 validation examples"),
    (streams.TinyStream(), {"task_order": (0, 3)}, ValueError, "names task 3")])
def test_a_stream_that_does_not_fit_is_refused_before_any_image_is_loaded(stream, training_options, error, message):
  with pytest.raises(error, match=message):
    streams.life(stream=stream, training_options=streams.options(**training_options))
  assert not stream.loads


def test_time_and_cost_are_reported_for_every_visit():
  life = streams.life("lasem")
  result, learner = life.run(), life.session.learner
  assert len(result.seconds) == 3
  assert all(set(entry) == {"training", "evaluation", "other"} and min(entry.values()) > 0 for entry in result.seconds)
  assert result.cpu_seconds > 0
  measured = result.measured
  # While task 2 is searched: both routes of two layers, shared layers once, and the own parts of three tasks.
  assert measured.parameters.super_network > measured.parameters.after_visit[-1]
  assert measured.training_macs_per_image == [learner.training_macs_per_image(0)] * 3


def test_all_sinks_are_closed_when_a_run_fails():
  closed = []

  class Watched(events.MemorySink):
    def close(self):
      closed.append(True)

  with pytest.raises(lifetime.Interrupted):
    streams.life("stl", sinks=[Watched()], should_stop=lambda: True).run()
  assert closed == [True]


def test_a_run_may_visit_some_tasks_only():
  """Task 1 has too few images, is never loaded, and has no numbers; the others are learned as the order says."""
  stream = streams.TinyStream()
  whole = stream._source_indices
  stream._source_indices = lambda task_id, split: whole(task_id, split)[:0 if task_id == 1 else None]
  measured = streams.life(stream=stream, training_options=streams.options(task_order=(2, 0))).run().measured
  assert {task for task, _ in stream.loads} == {0, 2}
  assert [[value is None for value in row] for row in measured.accuracy.after_visit] == [[True, True, False],
                                                                                         [False, True, False]]
  assert [macs is None for macs in measured.forward_macs_committed] == [False, True, False]

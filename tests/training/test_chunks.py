"""Lengths of compiled calls, from durations alone."""

from lasem_tf.training import chunks


def test_calls_grow_until_they_take_long_and_shrink_where_they_take_too_long():
  size = chunks.ChunkSize(target_seconds=1.0)
  seen = []
  for _ in range(6):
    seen.append(size.steps)
    size.adapt(0.1 * size.steps, most=100)
  assert seen == [1, 2, 4, 8, 8, 8]
  size.adapt(1.1, most=100)
  assert size.steps == 4


def test_a_call_has_a_step_and_no_more_than_an_epoch():
  size = chunks.ChunkSize(target_seconds=1.0)
  size.adapt(5.0, most=3)
  assert size.steps == 1
  for _ in range(4):
    size.adapt(0.0, most=3)
  assert size.steps == 3

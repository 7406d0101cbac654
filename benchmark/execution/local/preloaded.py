"""Imported by the fork server of `start_method` only: what every process has that is copied from it."""

import contextlib
import signal

from benchmark.execution import process, stopping

# Signals for the whole process group are the parent's to interpret; the server ends with the parent.
stopping.leave_to_parent()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
process.prepare_process()
# The copies import what is missing themselves, and name what is wrong to the parent, which the server cannot.
with contextlib.suppress(OSError):
  process.import_tensorflow()
  from benchmark.execution import attempt, planning  # noqa: F401  after the settings for TensorFlow

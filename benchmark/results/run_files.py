"""Names of the files that a run's folder and a report's folder hold."""

import re

RECORD_FILE = "record.json"          # Result and provenance of a finished run.
IDENTITY_FILE = "run.json"           # Which run the folder belongs to, from its first moment.
REQUESTED_FILE = "requested.gin"     # All bindings, as given.
OPERATIVE_FILE = "operative.gin"     # The values used, defaults included.
EVENTS_FILE = "events.jsonl"         # The course of the training.
LOG_FILE = "run.log"                 # What the process and its libraries wrote.
FAILURE_FILE = "failure.txt"         # The traceback of a failed run.
LOCK_FILE = "run.lock"
COLLECTION_FILE = "records.jsonl"    # The records of many runs, one a line.
DETAILS_FILE = "details.jsonl"       # Their courses, one a line.


def file_name(*parts: str) -> str:
  """A file name made of the parts: letters, digits, dots and hyphens only."""
  return "-".join(re.sub(r"[^A-Za-z0-9.]+", "_", part).strip("_") for part in parts)

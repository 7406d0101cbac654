"""Records as MATLAB files with the fields of the original's, for scripts written for those.

A file `<stream>-<scale>-<learner>.mat` holds `training_summary`, one struct over all seeds (S visits of E epochs, T
visited tasks in ascending order, R runs in order of seeds). As in the original, fields called "error" hold accuracies,
and 0 stands for tasks that were not learned yet. Fields:

  model_specific_info       struct, see below
  task_order                1 x S, tasks from 0
  train_valid_data_group    1 x R, the seeds
  training_time             1 x R seconds of training, evaluation and the rest; training_time_mean, _stddev
  best_test_error_each_task           R x S, peak accuracy of each visit; best_test_error_each_task_mean, _std: mean and
                                      standard deviation (n-1) over runs of each run's average
  test_error_at_last_epoch            R x T, final accuracies; test_error_at_last_epoch_mean, _std likewise
  result_of_each_run        1 x R struct: training_time, num_epoch, task_changed_epoch (1 x S, 1-based),
      history_train_error, history_validation_error, history_test_error   (N+1) x (T+1), last column the mean over tasks
                            learned so far
      history_best_test_error             (N+1) x 1
      history_net_prior                   N x 2^L, LASEM only
      conv_sharing                        T x L, 1 = shared, learners with a transfer configuration only
      seed                                not in the original

N is the number of logged epochs (num_epoch). The original evaluates every task after every epoch; this suite evaluates
the current task's validation set each epoch, its test set where validation improves, and everything after each visit.
What was not measured is NaN, and history_train_error is NaN throughout. Row 1 is the untrained model, evaluated on the
first visited task alone.

model_specific_info holds, of the last run:

  architecture, learner     the learner's name, twice: `architecture` is the original's field
  stream, scale             names of their configurations
  learning_rate, learning_rate_decay, batch_size, epochs_per_task
  network                   struct: image_shape, kernel_sizes, channels, pool_sizes, dense_sizes (1 x number of layers,
                            the output layer not among them), padding, skips, dropout_keep_probability
  hyper_parameters          struct with a struct for everything else that has parameters, named as in gin: the learner
                            and its parts (such as Expectation.prior), the stream, and the rest of `experiment`
  number_of_trainable_parameters      of the committed model after the last visit: a tensor that tasks share counts
                            once, and only if a task uses it. The original wrote the super-network's for searches,
                            miscounted for hard sharing
  number_of_trainable_parameters_in_search   largest number while a search ran; [] for learners without one
  not_recorded              text: which of the above the record lacks, and which are then no fields; empty if none

They come from the run's operative configuration, defaults included. Numbers are doubles; what has no value, and an
empty list, is []; a list of texts is a cell array; what gin names but does not evaluate is a text: '@HardSharing()'.
"""

import io
import pathlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import scipy.io

from benchmark.results import matlab_model, run_files
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from lasem_tf.files import write_atomically


def write(found: Sequence[Record], details: Mapping[str, RunDetails], output_dir: pathlib.Path) -> list[pathlib.Path]:
  """Writes one file per stream, scale and learner; returns the paths.

  Args:
    found: records; those that did not complete are left out.
    details: course and configuration of the runs by identity; without it a history holds the ends of visits only, and
      `model_specific_info` names what it lacks.
    output_dir: folder; made if missing.

  Raises:
    RecordError: runs of one file were trained with different settings, or a configuration is damaged.
  """
  groups: dict[tuple, list[Record]] = {}
  for record in sorted(found, key=lambda record: record.seed):
    if record.is_completed:
      groups.setdefault((record.stream, record.scale, record.learner), []).append(record)
  paths = []
  for key, runs in sorted(groups.items()):
    path = output_dir / f"{run_files.file_name(*key)}.mat"
    content = io.BytesIO()
    scipy.io.savemat(content, {"training_summary": _summary(runs, details)}, long_field_names=True, oned_as="row")
    write_atomically(path, content.getvalue())
    paths.append(path)
  return paths


def _summary(runs: Sequence[Record], details: Mapping[str, RunDetails]) -> dict:
  last = runs[-1]
  for run in runs:
    if run.result["configuration_hash"] != last.result["configuration_hash"]:
      raise RecordError(f"{run.identity} and {last.identity} were trained with different settings (configuration "
                        "hashes), and one file describes one model. Export them apart.")
    if run.matrix.after_visit.shape != last.matrix.after_visit.shape:
      raise RecordError(f"{run.identity} and {last.identity} have other numbers of tasks or visits, and one file holds "
                        "one matrix for all. Export them apart.")
  times = np.array([_training_time(run) for run in runs])
  peaks = np.array([run.matrix.at_best_validation for run in runs])
  finals = np.array([run.matrix.after_visit[-1] for run in runs])
  summary = {
      "model_specific_info": _model(last, details.get(last.identity)),
      "task_order": np.array(last.result["stream"]["task_order"]),
      "train_valid_data_group": np.array([run.seed for run in runs]),
      "training_time": times, "training_time_mean": times.mean(), "training_time_stddev": _deviation(times),
      "result_of_each_run": _struct_array([_run(run, details.get(run.identity)) for run in runs]),
  }
  for name, values in (("best_test_error_each_task", peaks), ("test_error_at_last_epoch", finals)):
    averages = values.mean(axis=1)
    summary.update({name: values, f"{name}_mean": averages.mean(), f"{name}_std": _deviation(averages)})
  return summary


def _model(run: Record, details: RunDetails | None) -> dict:
  parameters = run.result["parameters"]
  searched = parameters["super_network"]
  return {"architecture": run.learner, "learner": run.learner, "stream": run.stream, "scale": run.scale,
          **matlab_model.describe("" if details is None else details.operative, run.identity),
          "number_of_trainable_parameters": parameters["after_visit"][-1],
          "number_of_trainable_parameters_in_search": np.zeros((0, 0)) if searched is None else searched}


def _run(run: Record, details: RunDetails | None) -> dict:
  matrix = run.matrix
  epochs, untrained = _split_untrained(None if details is None or details.num_epochs == 0 else details.epochs)
  visits = np.arange(matrix.num_visits) if epochs is None else np.array(epochs["visit"])
  if set(visits) != set(range(matrix.num_visits)):
    raise RecordError(f"{run.identity}: its course has no trained epoch of some visits. Delete it to export without.")
  num_epochs, num_tasks = len(visits), matrix.num_tasks
  histories = {name: np.full((num_epochs + 1, num_tasks + 1), np.nan) for name in ("train", "validation", "test")}
  best = np.full((num_epochs + 1, 1), np.nan)
  # A task is 0 until the first epoch of its first visit.
  unlearned = np.concatenate([[0], visits])[:, np.newaxis] < matrix.first_visits
  for history in histories.values():
    history[:, :num_tasks][unlearned] = 0.0
  for name, value in untrained.items():
    histories[name][0, [matrix.task_order[0], num_tasks]] = value
  for visit, task in enumerate(matrix.task_order):
    own = np.flatnonzero(visits == visit)
    if epochs is not None:
      histories["validation"][own + 1, task] = _column(epochs["validation_accuracy"], own)
      histories["test"][own + 1, task] = _column(epochs["test_accuracy"], own)
      # The untrained model competes for the best epoch of the first visit.
      rows = np.concatenate([[0], own + 1]) if visit == 0 and untrained else own + 1
      best[rows, 0] = _best_so_far(histories["validation"][rows, task], histories["test"][rows, task])
    histories["test"][own[-1] + 1, :num_tasks] = np.nan_to_num(matrix.after_visit[visit])
    histories["test"][own[-1] + 1, num_tasks] = np.nanmean(matrix.after_visit[visit])
    best[own[-1] + 1, 0] = matrix.at_best_validation[visit]
  content = {
      "training_time": _training_time(run),
      "num_epoch": num_epochs,
      "history_best_test_error": best,
      "task_changed_epoch": np.array([np.flatnonzero(visits == visit)[0] + 1 for visit in range(matrix.num_visits)]),
      **{f"history_{name}_error": history for name, history in histories.items()},
      "seed": run.seed,
  }
  content["history_net_prior"] = _priors(epochs)
  content["conv_sharing"] = _rows_of_equal_length([word if word is None else [float(bit) for bit in word]
                                                   for word in (run.result["configurations"][task]
                                                                for task in matrix.task_ids)])
  return content


def _split_untrained(epochs: Mapping[str, list] | None) -> tuple[Mapping[str, list] | None, dict[str, float]]:
  """The trained epochs, and the accuracies of the untrained model if the first entry is that."""
  if epochs is None or epochs["loss"][0] is not None or epochs["global_epoch"][0] != 0:
    return epochs, {}
  untrained = {name: _column(epochs[f"{name}_accuracy"], [0])[0] for name in ("validation", "test")}
  trained = {name: values[1:] for name, values in epochs.items()}
  return trained if trained["visit"] else None, untrained


def _best_so_far(validation: np.ndarray, test: np.ndarray) -> np.ndarray:
  """Test accuracy at the best validation epoch so far, the earliest of equals."""
  result, best, value = [], -np.inf, np.nan
  for seen, measured in zip(validation, test):
    if seen > best:
      best, value = seen, measured
    result.append(value)
  return np.array(result)


def _priors(epochs: Mapping[str, list] | None) -> np.ndarray:
  return _rows_of_equal_length([] if epochs is None else epochs["prior"])


def _rows_of_equal_length(rows: Sequence[Sequence[float] | None]) -> np.ndarray:
  """A matrix, NaN where a row is missing or ends early; 0 x 0 if all are missing."""
  width = max((len(row) for row in rows if row is not None), default=0)
  if not width:
    return np.zeros((0, 0))
  return np.array([[*(row or ()), *[np.nan] * (width - len(row or ()))] for row in rows])


def _training_time(run: Record) -> float:
  return float(sum(sum(part.values()) for part in run.provenance.get("seconds", [])))


def _deviation(values: np.ndarray) -> float:
  return float(values.std(ddof=1)) if values.size > 1 else float("nan")


def _column(values: Sequence[float | None], rows: Iterable[int]) -> np.ndarray:
  return np.array([values[row] for row in rows], dtype=np.float64)


def _struct_array(runs: Sequence[dict]) -> np.ndarray:
  array = np.zeros(len(runs), dtype=[(name, object) for name in runs[0]])
  for index, run in enumerate(runs):
    array[index] = tuple(run.values())
  return array

"""What the command line decides about all runs of a suite. No TensorFlow."""

import dataclasses
import pathlib
import shlex
import sys

from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError
from lasem_tf import files
from lasem_tf.data import stream as stream_lib


@dataclasses.dataclass(frozen=True)
class Settings:
  """What flags decide about all runs of a suite; none of it reaches a result.

  Attributes:
    output_dir: the suite's folder.
    data_dirs: searched in order for raw data.
    cache_dir: for decoded images; None: beside the data.
    download: whether TensorFlow Datasets may download.
    checkpoint_seconds: longest time between checkpoints.
    threads: intra-op threads of a run.
    deterministic: ask for deterministic kernels on GPUs and with several threads.
    tensorboard: write TensorBoard event files beside the events.
    keep_model: keep the final weights of a completed run beside its record.
    grow: folder of a run, or of a suite's runs, from which the runs go on; None: they begin with nothing.
    predictions: write what every network says about the test images beside the record.
    lock_seconds: how long to wait for another process that holds a run, which may be about to end.
    command: the command line, for the provenance.
  """

  output_dir: str
  data_dirs: tuple[str, ...] = ()
  cache_dir: str | None = None
  download: bool = False
  checkpoint_seconds: float = 60.0
  threads: int = 1
  deterministic: bool = False
  tensorboard: bool = True
  keep_model: bool = True
  grow: str | None = None
  predictions: bool = True
  lock_seconds: float = 30.0
  command: str = dataclasses.field(
      default_factory=lambda: shlex.join(["python", "-m", "benchmark.run", *sys.argv[1:]]))

  def run_dir(self, run: suite.Run) -> pathlib.Path:
    """Folder of a run.

    Raises:
      ConfigurationError: a symbolic link leads out of the output folder.
    """
    directory = pathlib.Path(self.output_dir, run.identity)
    if not files.is_inside(directory, self.output_dir):
      raise ConfigurationError(f"{directory} leads out of --output_dir={self.output_dir} through a symbolic link. "
                               "Remove the link, or name the folder that it leads to.")
    return directory

  def stream_context(self, run: suite.Run) -> stream_lib.StreamContext:
    """What the stream of a run is given."""
    return stream_lib.StreamContext(seed=run.seed, design_seed=run.design_seed, data_dirs=self.data_dirs,
                                    cache_dir=self.cache_dir, download=self.download)

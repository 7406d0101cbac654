"""Reads back what TensorBoard's event files say of a run."""

import pathlib

import tensorflow as tf
from tensorboard.plugins.hparams import metadata, plugin_data_pb2


def hyper_parameters(directory: pathlib.Path) -> tuple[str, dict]:
  """Group name and values of the one record of hyper-parameters below the folder."""
  found = []
  for path in sorted(directory.rglob("*.tfevents.*")):
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
      for value in tf.compat.v1.Event.FromString(record).summary.value:
        if value.tag == metadata.SESSION_START_INFO_TAG:
          content = value.metadata.plugin_data.content
          found.append(plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info)
  (info,) = found
  return info.group_name, {name: getattr(value, value.WhichOneof("kind")) for name, value in info.hparams.items()}

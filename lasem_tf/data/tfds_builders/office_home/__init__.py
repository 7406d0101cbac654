"""Office-Home for TensorFlow Datasets; importing this package registers the builder `office_home`."""

from lasem_tf.data.tfds_builders.office_home.office_home_dataset_builder import Builder

__all__ = ["Builder"]

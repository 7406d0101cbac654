"""Builders for TensorFlow Datasets; importing one imports TFDS, so nothing here is imported unasked."""

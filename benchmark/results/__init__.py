"""What was measured: records, measures and comparisons. Needs no TensorFlow."""

"""Command lines of the benchmark suite: run, report, data, speed, replay, export."""

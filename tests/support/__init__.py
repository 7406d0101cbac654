"""What several folders of tests need: the tiny stream, learners on it, raw files, event files, the graph of imports."""

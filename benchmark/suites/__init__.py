"""What is to be trained: gin files to checked suites, runs and experiments."""

"""One module for each task stream, with the tables that define it."""

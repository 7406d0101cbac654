"""Task streams: what each is made of, task by task."""

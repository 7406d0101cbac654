"""Trained networks as their users have them: kept beside a record, loaded, asked, taught one more task, exported."""

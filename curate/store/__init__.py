"""Versions on disk: the only place that opens the files of the store."""

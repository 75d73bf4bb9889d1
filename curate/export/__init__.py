"""Versions to trainers, one file a format."""

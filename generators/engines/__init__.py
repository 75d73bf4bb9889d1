"""How models are reached: one file an engine."""

"""How teachers are asked: one file a method."""

"""Raw collections to samples, one file a format."""

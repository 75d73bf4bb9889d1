"""The words teachers read, one file a prompt."""

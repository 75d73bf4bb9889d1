"""The words judges and students read, one file a prompt."""

"""What is measured: one file a scorer or verifier."""

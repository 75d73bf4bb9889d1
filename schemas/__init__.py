"""The data: frozen types, fingerprints, pictures and errors. No I/O."""

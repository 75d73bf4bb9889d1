"""The driver, the ledger and the workers: the only event loop."""

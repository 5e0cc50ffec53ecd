"""The ledger: the only backlog, the only truth, and the only SQL of the service."""

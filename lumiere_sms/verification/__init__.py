"""The proofs, run by anybody: takes settings, gives tables. Every text stays on this machine, in a scratch database."""

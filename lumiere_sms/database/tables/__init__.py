"""The tables as classes: what the migrations make, said once more for simple reads, and compared with it by a test."""

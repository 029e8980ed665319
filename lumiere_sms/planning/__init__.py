"""The consequence before it happens, by the same functions that will run."""

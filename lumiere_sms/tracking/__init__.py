"""Takes in what providers report afterwards, gives out recipients' fates."""

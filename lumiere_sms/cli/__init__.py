"""Parse, call one function, show."""

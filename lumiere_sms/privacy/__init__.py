"""Whose data it is: a person in; all that is kept of them out, or gone, and what is too old gone by itself."""

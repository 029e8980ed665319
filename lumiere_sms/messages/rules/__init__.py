"""The rules of the lint: takes a draft of a text and what is known of its use, gives what is wrong with it."""

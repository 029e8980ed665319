"""Takes in recipients that are due, gives out submissions: claim, arm, submit, settle, reap, and polls providers."""

"""A stretch of time before it happens: takes the tenant's state and definition files, gives a calendar.

The state is copied into a scratch database, where the product's own launch, claim, arm and settlement run on a clock
that leaps from instant to instant. No provider is spoken to, nothing of the real state is written.
"""

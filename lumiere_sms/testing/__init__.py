"""Doubles that are part of the product: a clock, a provider, a Twilio stand-in server."""

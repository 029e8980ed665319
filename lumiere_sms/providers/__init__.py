"""Who carries: the contract, Twilio, the console, and what they cost."""

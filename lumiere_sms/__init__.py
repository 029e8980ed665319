"""SMS campaigns for small businesses: plan, apply, run; nobody gets a text twice, nobody is lost."""

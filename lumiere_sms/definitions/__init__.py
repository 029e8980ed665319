"""What an operator writes: takes in YAML files, gives out checked definitions with their places."""

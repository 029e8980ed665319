"""What: takes in templates and values, gives out texts, their encoding and their parts."""

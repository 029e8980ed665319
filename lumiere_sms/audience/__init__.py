"""Who: takes in customers and criteria, gives out the people of a segment and why the others are left out."""

"""When: takes in a wish and the rules, gives out instants. Pure: no database, no clock."""

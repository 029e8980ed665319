"""Who × what × when: takes in definitions, gives out occurrences and recipients; owns every recipient transition."""

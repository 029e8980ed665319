"""Takes in recipients' fates, gives out reports."""

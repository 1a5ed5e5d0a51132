"""What may stand in a scenario file, for editors and for readers, made from the tables themselves."""

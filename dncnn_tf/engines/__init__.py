"""What runs a network, and the file that each engine needs; each is imported when it is used."""

"""Models written for servers and other engines, checked against their source."""

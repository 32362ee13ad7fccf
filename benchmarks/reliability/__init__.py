"""Killed at random moments."""

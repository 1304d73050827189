"""Rosters: who is enrolled where, read from the files that a school system exports."""

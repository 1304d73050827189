"""From a school system's own data to entries: what the rules of a manifest find in a roster."""

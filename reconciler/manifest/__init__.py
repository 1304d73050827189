"""From manifest text to a checked `Manifest` value (design, section 3)."""

"""From a live state to a manifest that plans to nothing: whole, per school, or by rules."""

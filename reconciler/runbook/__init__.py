"""What somebody has to do in the admin pages of a site that has no API, step by step."""

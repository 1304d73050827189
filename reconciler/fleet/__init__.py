"""Many sites at once: which there are, one command for each of them, and who carries it out."""

"""Who can see which learners: the effective access behind assignments."""

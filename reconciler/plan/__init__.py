"""The plan: one pure function makes it, and everything that previews or applies uses that one."""

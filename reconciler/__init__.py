"""Config-as-code for the mentor and headteacher roles of a learning platform."""

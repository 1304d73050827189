"""Runs the sandbox by itself: `python -m reconciler.sandbox`."""

from reconciler.sandbox.command import sandbox

if __name__ == "__main__":
    sandbox(prog_name="reconciler sandbox")

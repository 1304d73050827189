"""The command `sandbox`: the sandbox's own command, under the client's name."""

from reconciler.sandbox.command import sandbox as command

__all__ = ["command"]

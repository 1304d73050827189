"""The command line: each command parses, calls one workflow, prints and exits."""

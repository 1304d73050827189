"""Providers that other distributions bring, held to what the program's own keep to."""

"""Tells others how runs went: metrics for Prometheus."""

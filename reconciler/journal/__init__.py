"""The record of runs in a database: SQLite in a file, or PostgreSQL that machines share."""

"""Where live state comes from and where changes go: adapters behind two small Protocols."""

"""What people and machines read: renderers over one view, and JSON documents with schemas."""

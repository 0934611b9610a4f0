"""What one replica does for all, and how it becomes the one."""

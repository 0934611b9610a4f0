"""What Dicot is measured against: servers that answer the same bytes, each as a process of its own."""

"""How namespaces become projects, what Dicot may do in them, and what is installed for it."""

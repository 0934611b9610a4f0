"""Who asks and what he may: tokens, roles, policy."""

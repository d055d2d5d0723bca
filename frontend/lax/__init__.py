"""JAX's `lax` level: operations with explicit shapes and dtypes, and structured control flow."""

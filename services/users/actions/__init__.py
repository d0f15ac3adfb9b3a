"""What the users service does: one public coroutine per RPC."""

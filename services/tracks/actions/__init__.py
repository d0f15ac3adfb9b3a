"""What the tracks service does: one public coroutine per RPC."""

"""One public coroutine per RPC."""

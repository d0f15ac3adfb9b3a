"""The operations of the tracks service: one public coroutine per RPC."""

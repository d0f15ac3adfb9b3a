"""The operations of the users service: one public coroutine per RPC."""

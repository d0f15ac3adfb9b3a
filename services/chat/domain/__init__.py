"""Pure rules of chat: no I/O, no gRPC, no SQL."""

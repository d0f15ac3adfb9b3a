"""Pure rules about users: no I/O, no gRPC, no SQL."""

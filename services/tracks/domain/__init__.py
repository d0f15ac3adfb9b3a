"""Pure rules about links and tracks: no I/O, no gRPC, no SQL."""

"""The three services. Each owns one PostgreSQL schema and is reached by the others over gRPC only."""

"""Tests. Those that hold a server of ours within pytest run it as our processes do: grpc comes after servicekit."""

import servicekit as servicekit

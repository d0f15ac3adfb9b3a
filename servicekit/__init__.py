"""What every process of the suite needs and no domain owns.

A service is a list of servicers handed to `servicekit.process.run`; by being registered each method
gets errors, deadlines, identity, access checks, decoding, validation, logs and metrics.

A process imports this before grpc, whose core reads the environment when it is loaded.
"""

import os

# How grpc's core waits for its sockets: docs/decisions/0016-how-grpc-waits.md.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")

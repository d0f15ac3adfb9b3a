"""What every process of the suite needs and no domain owns.

A service is a list of servicers handed to `servicekit.process.main`; by being registered each method
gets errors, deadlines, identity, access checks, decoding, validation, logs and metrics.

A process imports this before grpc, whose core reads the environment when it is loaded.
"""

import os

# How grpc's core waits for its sockets: docs/decisions/0016-grpc-polling.md.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
# A child of ours runs another program. What the core does between fork and exec, so that a child could go on using
# grpc, crashes such a child now and then: docs/decisions/0017-grpc-fork-handlers.md.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

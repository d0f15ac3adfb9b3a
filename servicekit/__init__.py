"""The shared foundation of every process; independent of any domain.

A service is a list of servicers handed to `servicekit.process.main`; every registered
method gets errors, deadlines, identity, access checks, decoding, validation, logs and metrics.

Import this before grpc: its core reads the environment when it is loaded.
"""

import os

# The poller of grpc's core: docs/decisions/0016-grpc-polling.md.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
# Our child processes exec another program; grpc's fork handlers crash some of them:
# docs/decisions/0017-grpc-fork-handlers.md.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

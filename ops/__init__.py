"""The `seda` command: run the suite, look after its database, call it and look inside."""

import servicekit as servicekit  # before anything loads grpc

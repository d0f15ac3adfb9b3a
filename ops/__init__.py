"""The `seda` command: run the suite, manage its database, call its methods and check its health."""

import servicekit as servicekit  # before anything loads grpc

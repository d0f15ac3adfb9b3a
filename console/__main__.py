"""`python -m console`: what `seda up` and `seda console` start, configured by the environment."""

import servicekit  # noqa: F401 - before grpc
from console.server import main

if __name__ == "__main__":
    main()

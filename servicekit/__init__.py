"""What every process of the suite needs and no domain owns.

A service is a list of servicers handed to `servicekit.process.run`; by being registered each method
gets errors, deadlines, identity, access checks, decoding, validation, logs and metrics.
"""

"""Measurements.

python -m bench             chat beside two Node servers on the same data (`make bench`)
python -m bench.overhead    what servicekit and the gateway cost per call
python -m bench.links       how fast links are read
python -m bench.load        load for a suite that runs already
"""

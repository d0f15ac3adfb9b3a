"""Measurements.

python -m bench             Seda on both transports beside Node and Go servers on the same data (`make bench`)
python -m bench.overhead    what servicekit and the gateway cost per call
python -m bench.composed    what the gateway's composed pages cost beside the calls that they are made of
"""

"""Forwarding: what was stored here goes on to other servers, by rules (ADR 7).

::

    event ──> rules ──> which destinations ──> held? ──> claim ──> user agent ──> delivery
               ^                                          ^                          │
        configuration                                     └───── DeliveryStore <─────┘

What belongs here: the rules, the delivery records, and the order of reading, claiming, sending
and writing down. What must not: AWS (its ports are in ``ports``), the wire (`useragent` speaks
it) and what is stored how (`origin` knows). This room stands above both, so that neither knows
the other.
"""

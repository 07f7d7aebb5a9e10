"""Stowage: everything in this package ships to Lambda.

Imports run one way: ``bootstrap > adapters | entrypoints > origin > dicomweb > standard``.
"""

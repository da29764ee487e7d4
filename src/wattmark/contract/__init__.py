"""The source contract: what a utility hands over, and everything derived from it."""

from wattmark.contract.model import Column, Contract, Table, load_contract

__all__ = ["Column", "Contract", "Table", "load_contract"]

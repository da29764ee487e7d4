"""The billing audit (营销稽查): rules, their coverage and their findings."""

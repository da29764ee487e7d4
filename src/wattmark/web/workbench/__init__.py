"""The workbench: the inbox, the case, the account, what rules bring, the key figures. Pages and forms without a script.

``desk`` knows who asks and in which language, the other modules a page each: what is asked of the warehouse stands apart
from what is shown (``templates/workbench``). What a person may do to a case is said by ``wattmark.cases.steps`` alone.
"""

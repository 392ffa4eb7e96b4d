"""How a day goes: what was observed is kept and accounted for, tables are built, audited, checked and published."""

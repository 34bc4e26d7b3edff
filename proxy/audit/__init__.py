"""The audit trail: what was decided and sent, on which basis, in rows that nobody can change unnoticed."""

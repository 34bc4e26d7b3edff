"""Everything that speaks to Redis or Valkey. One code path for the embedded server and any other."""

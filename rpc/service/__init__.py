"""Services: handlers, their signatures as schema, and what their exceptions become; pure, without input or output."""

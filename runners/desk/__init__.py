"""A desk's worth of orders: from a table of orders to work for many processes, and from their answers to a folder."""

"""Where every truth lives: the connection, the embedded server, the tables and the rules of tenancy."""

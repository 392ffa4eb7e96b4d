"""What each day of each table is like: profiles of columns and tables, and how its checks end."""

"""The store on SQL: a SQLite file by default, PostgreSQL by URL, through SQLAlchemy Core.

Nothing outside this package imports SQLAlchemy.
"""

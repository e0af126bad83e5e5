"""`python -m spectrans` is the command `spectrans`."""

from spectrans.cli import main

if __name__ == "__main__":
    main()
